from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from bench.records import Record
from tests.conftest import BenchCommand, UnitsFolder, bench_process
from tests.e2e.conftest import lasting, only_run


@pytest.fixture
def gslm(bench: BenchCommand, units_folder: UnitsFolder, tmp_path: Path) -> Path:
    """A tiny GSLM, pretrained on the units of a synthetic corpus."""
    done = bench(
        *("pretrain", "--units", units_folder("ks", name="pretraining"), "--out", "gslm"),
        *("--preset", "tiny", "--epochs", "2", "--threads", "1", "--precision", "fp32", "--json"),
    )
    assert json.loads(done.stdout)["lm"]["layers"] == 2
    return tmp_path / "gslm"


@pytest.mark.parametrize("task", ["ks", "ic", "asr"])
def test_from_units_to_a_comparison(
    bench: BenchCommand, units_folder: UnitsFolder, gslm: Path, task: str
) -> None:
    data = ("--task", task, "--corpus", units_folder(task, n_train=40, n_valid=10, n_test=10))
    done = bench(
        *("run", "--method", "prompt", *data, "--gslm", gslm, "--json", "--threads", "1"),
        *("--prompt-length", "3", "--max-epochs", "1", "--precision", "fp32"),
    )
    record = Record.model_validate_json(done.stdout)
    # Keys and values of 3 prompts at each of 2 layers of width 64, and the separator.
    # The verbalizer is learnt by default: labels (in a sequence its end, too) times embedding rows.
    mapped = {"ks": 4, "ic": 3 * 4, "asr": 5 + 1}[task] * 104
    # So are the vectors of the labels that are read again (all but the last slot's).
    read = {"ks": 0, "ic": 2 * 4, "asr": 5}[task] * 64
    assert record.n_trainable == (3 * 2 * 2 + 1) * 64 + mapped + read
    assert record.n_trainable_paper == (3 * (1 + 2 * 2) + 1) * 64 + mapped + read
    assert record.method.options["prompt_length"] == 3
    bench("run", "--method", "majority", *data)
    table = bench("compare").stdout
    assert "majority" in table
    assert "prompt on gslm" in table


def test_languages_are_told_apart_through_the_channel(
    bench: BenchCommand, units_folder: UnitsFolder, gslm: Path
) -> None:
    done = bench(
        *("run", "--method", "prompt", "--task", "lid", "--corpus", units_folder("lid")),
        *("--gslm", gslm, "--json", "--threads", "1", "--precision", "fp32"),
        *("--prompt-length", "3", "--max-epochs", "6", "--lr", "0.04"),
    )
    record = Record.model_validate_json(done.stdout)
    assert record.method.options["scoring"] == "channel"
    # Keys and values of 3 prompts at each of 2 layers of width 64, for each of 4 labels.
    assert record.n_trainable == 4 * 3 * 2 * 2 * 64
    assert record.n_trainable_paper is None
    assert record.scores["accuracy"].value > 0.5


@pytest.mark.parametrize(
    ("task", "options", "said"),
    [
        ("ic", (), "--scoring channel compares single labels, and ic answers several"),
        ("ks", ("--loss", "full"), "no --loss full"),
        ("ks", ("--prompt-mode", "input"), "no --prompt-mode"),
        ("ks", ("--prompt-length", "0"), "give one at least"),
        ("ks", ("--verbalizer", "random"), "names no labels: no --verbalizer"),
        ("ks", ("--label-vectors", "lm"), "names no labels: no --label-vectors"),
    ],
)
def test_what_the_channel_cannot_do_is_refused(
    bench: BenchCommand, units_folder: UnitsFolder, task: str, options: tuple[str, ...], said: str
) -> None:
    corpus = units_folder(task, n_train=8, n_valid=4, n_test=4)
    arguments = ("--method", "prompt", "--task", task, "--corpus", corpus, "--scoring", "channel")
    done = bench("run", *arguments, *options, check=2)
    assert said in done.stderr


@pytest.mark.parametrize("scoring", ["direct", "channel"])
def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(
    bench: BenchCommand,
    bench_environment: dict[str, str],
    units_folder: UnitsFolder,
    gslm: Path,
    tmp_path: Path,
    scoring: str,
) -> None:
    corpus = units_folder("ks", n_train=1200 if scoring == "direct" else 600)
    arguments = (
        *("run", "--method", "prompt", "--task", "ks", "--corpus", corpus, "--gslm", gslm),
        *("--prompt-length", "3", "--max-epochs", "12", "--precision", "fp32", "--threads", "1"),
        *("--scoring", scoring),
    )
    bench(*arguments, "--out", "undisturbed")
    process = subprocess.Popen(
        bench_process([*arguments, "--quiet"]), cwd=tmp_path, env=bench_environment
    )
    try:
        while not list((tmp_path / "runs").glob("*/checkpoint/*.safetensors")):
            assert process.poll() is None, "ended before it could be killed"
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    folder = only_run(tmp_path / "runs")
    assert not (folder / "record.json").exists()
    assert "continuing at step " in bench(*arguments).stderr
    other = only_run(tmp_path / "undisturbed")
    assert lasting(folder) == lasting(other)
    answers = [(run / "predictions.jsonl").read_text() for run in (folder, other)]
    assert answers[0] == answers[1]
    weights, others = (load_file(run / "prompt.safetensors") for run in (folder, other))
    assert weights.keys() == others.keys()
    for name, tensor in weights.items():
        np.testing.assert_array_equal(tensor, others[name], err_msg=name)
