"""`bench check` on a tiny suite: an unchanged program passes, planted faults do not."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.cli import main
from tests.conftest import BenchCommand
from tests.e2e.gates import make_gate
from tests.perf.faults import FAULTS

Here = Callable[..., str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a suite and its baseline."""
    folder = tmp_path_factory.mktemp("gate")
    make_gate(folder, speed=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("BENCH_CACHE", str(folder / "cache"))
        given = ["check", "--suite", "./gate.yaml", "--jobs", "1", "--quiet"]
        assert main([*given, "--update", "--reason", "the first"]) == 0
    shutil.rmtree(folder / "checks")
    return folder


@pytest.fixture
def here(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Here:
    """`bench check` in this process, on a copy of the suite; gives stdout and stderr."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    def run(*arguments: str, code: int) -> str:
        capsys.readouterr()
        found = main(["check", "--suite", "./gate.yaml", "--jobs", "1", *arguments])
        told = capsys.readouterr()
        assert found == code, told
        return told.out + told.err

    return run


def test_an_unchanged_program_passes(here: Here, tmp_path: Path) -> None:
    told = here("--quiet", code=0)
    assert "gate: 1 cells, 2 runs, no regression" in told
    assert "Every answer came out exactly as in the baseline." in told
    assert "Baseline: the first" in told
    assert len(list((tmp_path / "checks" / "gate" / "runs").glob("*/record.json"))) == 2


@pytest.mark.parametrize("name", [name for name, (_, kind) in FAULTS.items() if kind != "speed"])
def test_a_planted_fault_is_caught(here: Here, name: str) -> None:
    plant, _ = FAULTS[name]
    with plant():
        told = here("--quiet", code=1)
    assert "REGRESSION  ks-prompt: " in told
    words = {
        "prompts not trained": "worse: accuracy",
        "two labels swapped": "worse: accuracy",
        "frozen weights drifting": "the frozen weights changed during the run",
        "test items dropped": "test has 118 utterances, the baseline 120 (-2)",
        "a metric's sign flipped": "the record says -0.",
    }
    assert words[name] in told


def test_an_update_keeps_the_history_and_says_what_moved(here: Here, tmp_path: Path) -> None:
    with FAULTS["prompts not trained"][0]():
        told = here("--quiet", "--update", "--reason", "no training", code=0)
    assert "gate.baseline.json: written (no training)" in told
    baseline = json.loads((tmp_path / "gate.baseline.json").read_text())
    first, second = baseline["history"]
    assert (first["reason"], first["moved"]) == ("the first", ["the first baseline"])
    assert any("worse: accuracy" in text for text in second["moved"])
    with FAULTS["prompts not trained"][0]():
        here("--quiet", code=0)
    assert "better: accuracy" in here("--quiet", code=0)


def test_a_run_that_fails_is_a_regression_and_the_others_go_on(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.prompting.tuning import Tuning

    def broken(tuning: Tuning) -> None:
        if tuning.seed == 1:
            raise ValueError("of no\nuse")
        whole(tuning)

    whole = Tuning.run
    monkeypatch.setattr(Tuning, "run", broken)
    told = here(code=1)
    assert "ks-prompt: the run with seed 1 did not finish: ValueError: of no use" in told
    assert "2/2" in told


def test_resuming_makes_only_what_is_missing(here: Here, tmp_path: Path) -> None:
    here("--quiet", code=0)
    (tmp_path / "checks/gate/measured/ks-prompt-s1.json").unlink()
    told = here("--resume", code=0)
    assert "1 runs were made before the check was interrupted" in told
    assert "1/1  ks-prompt seed 1" in told
    suite = tmp_path / "gate.yaml"
    suite.write_text(suite.read_text().replace("lr: 0.1", "lr: 0.2"))
    assert "the suite changed since this check began" in here("--resume", code=2)
    told = here("--quiet", code=1)
    assert "setting lr is 0.2, the baseline has 0.1" in told
    assert "not compared: it was run with other settings" in told


def test_formats_for_ci(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    with FAULTS["test items dropped"][0]():
        told = here("--quiet", "--format", "github", code=1)
    assert "::error title=bench check::ks-prompt: test has 118 utterances" in told
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("### ❌ bench check gate")
    assert "**ks-prompt: test has 118 utterances, the baseline 120 (-2)**" in summary
    here("--quiet", "--format", "junit", "--report", "out/check.xml", code=0)
    suite = ET.parse(tmp_path / "out/check.xml").getroot().find("testsuite")
    assert suite is not None
    assert suite.get("failures") == "0"
    assert int(suite.get("tests") or 0) >= 2


def test_what_goes_wrong_is_explained(here: Here, tmp_path: Path) -> None:
    assert "--update needs a reason" in here("--update", code=2)
    assert "--reason goes with --update" in here("--reason", "x", code=2)
    assert "did you mean 'ks-prompt'?" in here("--only", "ks-promt", code=2)
    assert "--jobs 0 is too small" in here("--jobs", "0", code=2)
    assert "there is no check to go on with" in here("--resume", code=3)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    assert "no check made it" in here("--out", "mine", code=2)
    baseline = tmp_path / "gate.baseline.json"
    whole = baseline.read_text()
    baseline.write_text(whole[:300])
    assert "is no baseline: it is not JSON" in here("--quiet", code=1)
    baseline.write_text(whole.replace('"schema_version": 1', '"schema_version": 2', 1))
    assert "is a baseline of version 2" in here("--quiet", code=1)
    baseline.unlink()
    assert "has no baseline yet" in here("--quiet", code=3)


def test_several_processes_give_the_same(bench: BenchCommand, made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    done = bench("check", "--suite", "./gate.yaml", "--jobs", "2")
    assert "Every answer came out exactly as in the baseline." in done.stdout
    assert "2/2" in done.stderr
