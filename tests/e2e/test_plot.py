from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import BenchCommand


@pytest.fixture
def runs(bench: BenchCommand, corpus: Path, tmp_path: Path) -> Path:
    data = ("--task", "ks", "--corpus", corpus)
    bench("run", "--method", "majority", *data)
    bench("run", "--method", "bag-of-units", *data)
    for shots in (2, 5):
        for seed in (0, 1):
            bench(
                *("run", "--method", "bag-of-units", *data, "--shots", shots, "--seed", seed),
                *("--option", "min_count=1"),
            )
    return tmp_path / "runs"


def test_from_runs_to_figures(bench: BenchCommand, runs: Path, tmp_path: Path) -> None:
    done = bench("plot", "parameters", "--out", "parameters.png")
    assert (tmp_path / "parameters.png").read_bytes().startswith(b"\x89PNG")
    assert done.stdout == ""
    assert "and 3 more: few-shot; the other runs of the task" in done.stderr
    bench("plot", "few-shot", runs, "--out", "few-shot.svg")
    assert "<svg" in (tmp_path / "few-shot.svg").read_text()
    bench("plot", "few-shot", runs, "--out", "few-shot.pdf")
    assert (tmp_path / "few-shot.pdf").read_bytes().startswith(b"%PDF")
    done = bench("plot", "prompt-length", runs, "--out", "length.png", check=2)
    assert "no finished run has the option prompt_length" in done.stderr
    assert "--prompt-length P" in done.stderr
    assert not (tmp_path / "length.png").exists()
    done = bench("compare", "--reference", "paper", "--format", "markdown")
    assert "| *HuBERT prompt tuning* [quoted 1] | *(95.16)* | *(0.08M)* |" in done.stdout


def test_faults(bench: BenchCommand, tmp_path: Path) -> None:
    done = bench("plot", "parameters", "--out", "a.jpg", check=2)
    assert "--out a.jpg has no known ending" in done.stderr
    assert "no such folder" in bench("plot", "parameters", "--out", "a.png", check=3).stderr
    assert "--out" in bench("plot", "parameters", check=2).stderr
    assert "invalid choice: 'pie'" in bench("plot", "pie", "--out", "a.png", check=2).stderr
