"""`--augment`: perturbed copies of training audio, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import BenchCommand, make_units_folder

FEW = ("--task", "ks", "--subset", "36", "--threads", "1", "--json")


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("prompt", ("--prompt-length", "4", "--max-epochs", "2")),
        ("finetune-lm", ("--max-epochs", "1")),
        ("bag-of-units", ()),
    ],
)
def test_copies_are_learnt_from_and_said_in_the_record(
    bench: BenchCommand, tmp_path: Path, method: str, options: tuple[str, ...]
) -> None:
    ran = {
        n: json.loads(bench("run", "--method", method, *FEW, *options, "--augment", n).stdout)
        for n in ("0", "2")
    }
    for n, record in ran.items():
        assert record["status"] == "ok"
        assert record["method"]["options"]["augment"] == int(n)
    logs = {(path / "train.jsonl").read_text() for path in (tmp_path / "runs").iterdir()}
    assert len(logs) == 2
    assert ran["0"]["corpus"] == ran["2"]["corpus"]  # tested on the same


def test_units_cannot_be_perturbed(bench: BenchCommand, tmp_path: Path) -> None:
    make_units_folder(
        tmp_path / "u", "ks", {"train": 40, "valid": 8, "test": 8}, n_labels=4, seed=0
    )
    given = ("run", "--method", "bag-of-units", "--task", "ks", "--corpus", "u")
    done = bench(*given, "--augment", "2", check=2)
    assert "--augment perturbs audio, and this corpus holds units" in done.stderr
    assert json.loads(bench(*given, "--json").stdout)["method"]["options"]["augment"] == 0
