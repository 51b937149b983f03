"""`finetune-lm` and `linear-probe` through the real command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.records import Record
from tests.conftest import BenchCommand, UnitsFolder, kill_at_a_checkpoint
from tests.e2e.conftest import lasting, only_run


@pytest.fixture
def gslm(bench: BenchCommand, units_folder: UnitsFolder, tmp_path: Path) -> Path:
    """A tiny GSLM, pretrained on the units of a synthetic corpus."""
    bench(
        *("pretrain", "--units", units_folder("ks", name="pretraining"), "--out", "gslm"),
        *("--preset", "tiny", "--epochs", "2", "--threads", "1", "--precision", "fp32"),
    )
    return tmp_path / "gslm"


def test_records_and_refusals(bench: BenchCommand, units_folder: UnitsFolder, gslm: Path) -> None:
    ks = ("--task", "ks", "--corpus", units_folder("ks"), "--gslm", gslm, "--threads", "1")
    probe = ("run", "--method", "linear-probe", *ks, "--json")
    record = Record.model_validate_json(bench(*probe).stdout)
    assert record.scores["accuracy"].value > 0.8
    assert record.n_trainable == 64 * 4 + 4 + 3
    assert record.model is not None
    assert record.model.name == "gslm"
    asr = ("--task", "asr", "--corpus", units_folder("asr"), "--gslm", gslm, "--threads", "1")
    tuned = ("run", "--method", "finetune-lm", *asr, "--max-epochs", "2", "--json")
    record = Record.model_validate_json(bench(*tuned).stdout)
    assert record.n_trainable == record.model.n_total if record.model else False
    assert record.method.options["warmup_steps"] > 0
    assert "cannot solve 'asr'" in bench("run", "--method", "linear-probe", *asr, check=2).stderr
    wrong = bench("run", "--method", "finetune-lm", *ks, "--prompt-length", "3", check=2)
    assert "has no option --prompt-length" in wrong.stderr


def test_a_killed_fine_tuning_ends_as_an_undisturbed_one(
    bench: BenchCommand,
    bench_environment: dict[str, str],
    units_folder: UnitsFolder,
    gslm: Path,
    tmp_path: Path,
) -> None:
    given = (
        *("run", "--method", "finetune-lm", "--task", "ks", "--gslm", gslm, "--threads", "1"),
        *("--corpus", units_folder("ks", n_train=600), "--search", "lr=1e-4,5e-4"),
        *("--max-epochs", "8", "--precision", "fp32"),
    )
    bench(*given, "--out", "whole")
    kill_at_a_checkpoint((*given, "--out", "killed"), tmp_path / "killed", bench_environment)
    folder = only_run(tmp_path / "killed")
    assert not (folder / "record.json").exists()
    assert "continuing trial 1 after epoch" in bench(*given, "--out", "killed").stderr
    whole = only_run(tmp_path / "whole")
    assert lasting(folder) == lasting(whole)
    for name in ("predictions.jsonl", "model.safetensors", "train.jsonl"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()
