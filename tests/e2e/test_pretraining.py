from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file

from bench.gslm.card import GslmCard, LmShape
from bench.gslm.folder import load_gslm, save_gslm
from bench.gslm.lm import UnitLM
from bench.records import Record, load_record
from tests.conftest import BenchCommand, UnitsFolder, bench_process
from tests.e2e.conftest import lasting, only_run

TINY = ("--preset", "tiny", "--precision", "fp32", "--threads", "1")
FAST = ("--precision", "fp32", "--threads", "1", "--prompt-length", "2", "--max-epochs", "1")


def test_killed_pretraining_resumes_to_the_same_weights(
    bench: BenchCommand,
    bench_environment: dict[str, str],
    units_folder: UnitsFolder,
    tmp_path: Path,
) -> None:
    units = units_folder("ks", n_train=400)
    arguments = ("pretrain", "--units", units, *TINY, "--epochs", "12", "--batch-tokens", "400")
    bench(*arguments, "--out", "undisturbed")
    moments = random.Random(7)
    killed = 0
    while killed < 2:
        process = subprocess.Popen(
            bench_process([*arguments, "--out", "gslm", "--resume", "--quiet"]),
            cwd=tmp_path,
            env=bench_environment,
        )
        try:
            known = _checkpoint_time(tmp_path)
            while _checkpoint_time(tmp_path) == known and process.poll() is None:
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.15))
        finally:
            process.kill()
        if process.wait() == 0:
            break
        killed += 1
    assert killed, "never killed"
    if not (tmp_path / "gslm" / "gslm.json").exists():
        assert "unfinished" in bench(*arguments, "--out", "gslm", check=2).stderr
        assert "continuing at step" in bench(*arguments, "--out", "gslm", "--resume").stderr
    files = [tmp_path / name / "lm.safetensors" for name in ("gslm", "undisturbed")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert "a GSLM is already here" in bench(*arguments, "--out", "gslm", check=2).stderr


def _checkpoint_time(folder: Path) -> float:
    try:
        return (folder / "gslm" / "checkpoint" / "state.safetensors").stat().st_mtime
    except FileNotFoundError:
        return 0.0


def test_an_lm_that_knows_the_units_is_prompted_without_a_warning(
    bench: BenchCommand, tmp_path: Path
) -> None:
    corpus = tmp_path / "cycles"
    corpus.mkdir()
    for split, n in (("train", 200), ("valid", 40), ("test", 40)):
        lines = []
        for i in range(n):
            step = (1, 9)[i % 2]  # the label: upwards or downwards
            units = " ".join(str((7 * i + step * t) % 10) for t in range(12))
            lines.append(f"{split}{i}.wav|{units}|{('up', 'down')[i % 2]}\n")
        (corpus / f"{split}.txt").write_text("".join(lines))
    pretrain = ("pretrain", "--units", corpus, *TINY, "--n-units", "10", "--warmup-steps", "1")
    bench(*pretrain, "--out", "trained", "--epochs", "40", "--lr", "0.003", "--batch-tokens", "800")
    bench(*pretrain, "--out", "random", "--epochs", "0.01", "--lr", "1e-9")
    before = load_gslm(tmp_path / "trained").fingerprint
    data = ("run", "--method", "prompt", "--task", "ks", "--corpus", corpus)
    notes = {}
    for name in ("trained", "random", "random:trained"):
        options = ("--precision", "fp32", "--threads", "1", "--prompt-length", "4")
        learning = ("--max-epochs", "10", "--lr", "0.05", "--batch-utterances", "16")
        done = bench(*data, "--gslm", name, "--out", f"runs-{name}", *options, *learning, "--json")
        record = Record.model_validate_json(done.stdout)
        notes[name] = record.corpus.notes
        assert ("the LM looks untrained" in done.stderr) == (name == "random")
        if name == "trained":
            assert record.scores["accuracy"].value > 0.8, "chance and majority are 0.5"
            folder = only_run(tmp_path / "runs-trained")
            assert load_record(folder) == record
            assert len((folder / "predictions.jsonl").read_text().splitlines()) == 40
            assert load_file(folder / "prompt.safetensors")["key"].shape == (2, 4, 64)
        elif name == "random:trained":
            assert record.model is not None
            assert record.model.name == name
            assert record.model.fingerprint != before
    assert notes == {
        "trained": {},
        "random": {"lm_looks_untrained": 1},
        "random:trained": {},  # a control that was asked for is no accident to be warned of
    }
    assert load_gslm(tmp_path / "trained").fingerprint == before


@pytest.fixture
def gslm(tmp_path: Path) -> Path:
    """A GSLM of random weights with 40 positions."""
    shape = LmShape(layers=2, dim=64, ffn_dim=128, heads=2, max_positions=40, n_rows=104)
    card = GslmCard(name="gslm", n_units=100, rows=list(range(4, 104)), lm=shape)
    save_gslm(tmp_path / "gslm", card, UnitLM(shape).reset(torch.Generator().manual_seed(0)))
    return tmp_path / "gslm"


def test_long_utterances_are_cut_and_counted(
    bench: BenchCommand, units_folder: UnitsFolder, gslm: Path, tmp_path: Path
) -> None:
    corpus = units_folder("ks")
    for split, n in (("train", 200_000), ("valid", 60), ("test", 39)):
        with (corpus / f"{split}.txt").open("a") as file:
            file.write(f"long-{split}.wav|{' '.join(str(i % 100) for i in range(n))}|0\n")
    bench("run", "--method", "prompt", "--task", "ks", "--corpus", corpus, "--gslm", gslm, *FAST)
    folder = only_run(tmp_path / "runs")
    assert load_record(folder).corpus.notes["cut_to_max_positions"] == 3
    last = json.loads((folder / "predictions.jsonl").read_text().splitlines()[-1])
    assert last["id"] == "long-test.wav"


def test_a_unit_the_gslm_does_not_know(
    bench: BenchCommand, units_folder: UnitsFolder, gslm: Path, tmp_path: Path
) -> None:
    corpus = units_folder("ks")
    with (corpus / "test.txt").open("a") as file:
        file.write("new.wav|3 100|0\n")
    arguments = ("run", "--method", "prompt", "--task", "ks", "--corpus", corpus, "--gslm", gslm)
    done = bench(*arguments, *FAST, check=1)
    assert "test.txt:61: utterance 'new.wav': unit 100 is not one of" in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["gslm.json", "lm.safetensors"])
def test_a_truncated_gslm(
    bench: BenchCommand, units_folder: UnitsFolder, gslm: Path, name: str
) -> None:
    content = (gslm / name).read_bytes()
    (gslm / name).write_bytes(content[: len(content) // 2])
    corpus = units_folder("ks")
    arguments = ("run", "--method", "prompt", "--task", "ks", "--corpus", corpus, "--gslm", gslm)
    done = bench(*arguments, *FAST, check=1)
    assert f"{gslm / name}: " in done.stderr
    assert "Traceback" not in done.stderr


def test_runs_killed_at_several_moments_have_the_same_record(
    bench: BenchCommand,
    bench_environment: dict[str, str],
    units_folder: UnitsFolder,
    gslm: Path,
    tmp_path: Path,
) -> None:
    corpus = units_folder("ks", n_train=600)
    with (corpus / "valid.txt").open("a") as file:
        file.write(f"long.wav|{' '.join(str(i % 100) for i in range(99))}|0\n")
    options = (*FAST[:6], "--max-epochs", "24")
    arguments = ("run", "--method", "prompt", "--task", "ks", "--corpus", corpus, "--gslm", gslm)
    bench(*arguments, *options, "--out", "undisturbed")
    moments, codes = random.Random(11), []
    for _ in range(3):
        process = subprocess.Popen(
            bench_process([*arguments, *options, "--quiet"]), cwd=tmp_path, env=bench_environment
        )
        try:
            while not list((tmp_path / "runs").glob("*/config.yaml")):
                assert process.poll() is None
                time.sleep(0.005)
            time.sleep(moments.uniform(0.2, 1.5))
        finally:
            process.kill()
            codes.append(process.wait())
    assert -signal.SIGKILL in codes
    bench(*arguments, *options)
    folder, other = only_run(tmp_path / "runs"), only_run(tmp_path / "undisturbed")
    assert lasting(folder) == lasting(other)
    assert lasting(folder)["corpus"]["notes"]["cut_to_max_positions"] == 1
    answers = [(run / "predictions.jsonl").read_bytes() for run in (folder, other)]
    assert answers[0] == answers[1]
