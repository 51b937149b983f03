"""`bench run --method s3prl` and `s3prl-finetune` on synthetic tones, through the command line.

Most runs share this process: importing s3prl takes seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

from bench.cli import main
from bench.records import Record
from tests.audio_folder import make_audio_folder
from tests.conftest import BenchCommand, kill_at_a_checkpoint
from tests.e2e.conftest import lasting, only_run


class Told(NamedTuple):
    """What a command printed."""

    stdout: str
    stderr: str


Here = Callable[..., Told]


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Here:
    """`bench` in this process, in the test's folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path, check: int = 0) -> Told:
        code = main([str(argument) for argument in arguments])
        told = Told(*capsys.readouterr())
        assert code == check, told.stderr
        return told

    return run


def arguments(corpus: Path, task: str, *more: str) -> tuple[str | Path, ...]:
    head = ("run", "--method", "s3prl", "--task", task, "--corpus", corpus)
    return (*head, "--upstream", "fbank_no_cmvn", "--threads", "1", *more)


@pytest.mark.parametrize("task", ["ks", "ic", "lid"])
def test_a_label_task_is_learnt(here: Here, tmp_path: Path, task: str) -> None:
    corpus = make_audio_folder(tmp_path / "tones", task)
    done = here(
        *arguments(corpus, task, "--search", "lr=1e-2,1e-5", "--max-epochs", "60", "--json")
    )
    record = Record.model_validate_json(done.stdout)
    assert record.scores["accuracy"].value > 0.9
    assert record.model is not None
    assert (record.model.name, record.model.n_total) == ("fbank_no_cmvn", 0)
    assert record.train is not None
    assert [trial["lr"] for trial in record.train.search] == [1e-2, 1e-5]
    n_labels = {"ks": 4, "ic": 9, "lid": 4}[task]
    assert record.n_trainable == 240 * 256 + 256 + 256 * n_labels + n_labels
    folder = only_run(tmp_path / "runs")
    assert record.stored_bytes == (folder / "model.safetensors").stat().st_size
    assert record.method.options["search"] == "lr=0.01,1e-05"


@pytest.mark.parametrize(("task", "method"), [("ic", "s3prl"), ("ks", "s3prl-finetune")])
def test_labels_are_read_by_a_recurrent_head(
    here: Here, tmp_path: Path, task: str, method: str
) -> None:
    sizes = {"train": 24, "valid": 8, "test": 8}
    corpus = make_audio_folder(tmp_path / "tones", task, sizes=sizes)
    run = ("run", "--method", method, "--task", task, "--corpus", corpus, "--threads", "1")
    given = (*run, "--head", "recurrent", "--lr", "3e-3", "--max-epochs", "20")
    record = Record.model_validate_json(here(*given, "--no-spec-augment", "--json").stdout)
    assert record.scores["accuracy"].value > 0.7
    assert record.method.options["head"] == "recurrent"
    assert record.method.options["batch_utterances"] == 8
    assert record.train is not None
    assert record.train.steps == 60


@pytest.mark.parametrize("task", ["asr", "sf"])
def test_a_sequence_task_is_learnt(here: Here, tmp_path: Path, task: str) -> None:
    sizes = {"train": 16, "valid": 6, "test": 6}
    corpus = make_audio_folder(tmp_path / "tones", task, sizes=sizes)
    given = arguments(
        corpus, task, "--lr", "3e-3", "--max-epochs", "100", "--batch-utterances", "16"
    )
    given = (*given, "--upstream", "mfcc", "--no-spec-augment", "--ctc-beam", "8")
    record = Record.model_validate_json(here(*given, "--json").stdout)
    floor = Record.model_validate_json(
        here("run", "--method", "majority", "--task", task, "--corpus", corpus, "--json").stdout
    )
    name = {"asr": "cer", "sf": "slot_value_cer"}[task]
    assert record.scores[name].value < 0.5 * floor.scores[name].value
    assert record.method.options["head"] == "small"
    assert record.method.options["search"] is None
    assert record.n_trainable == record.n_trainable_paper
    refused = here(*given, "--head", "recurrent", check=2).stderr
    assert f"--head recurrent is not for {task}" in refused
    assert "it has superb, small" in refused
    rows = (tmp_path / "runs").glob(f"{task}-s3prl-*/predictions.jsonl")
    scores = [json.loads(row)["score"] for file in rows for row in file.read_text().splitlines()]
    assert len(scores) == 6
    assert all(score <= 0 for score in scores)


def test_a_killed_run_ends_with_the_record_of_an_undisturbed_one(
    bench: BenchCommand, tmp_path: Path, bench_environment: dict[str, str]
) -> None:
    corpus = make_audio_folder(tmp_path / "tones", "ks")
    given = arguments(corpus, "ks", "--search", "lr=1e-4,1e-3", "--max-epochs", "400")
    given = (*given, "--patience", "1000")
    bench(*given, "--out", "whole")
    kill_at_a_checkpoint((*given, "--out", "killed"), tmp_path / "killed", bench_environment)
    folder = only_run(tmp_path / "killed")
    assert not (folder / "record.json").exists()
    done = bench(*given, "--out", "killed")
    assert "continuing trial 1 after epoch" in done.stderr
    whole = only_run(tmp_path / "whole")
    assert lasting(folder) == lasting(whole)
    for name in ("predictions.jsonl", "model.safetensors", "train.jsonl"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()


def test_damaged_audio(here: Here, tmp_path: Path) -> None:
    corpus = make_audio_folder(tmp_path / "tones", "ks")
    soundfile.write(corpus / "clips" / "train-5.wav", np.zeros(0), 16_000)
    given = arguments(corpus, "ks", "--lr", "1e-2", "--max-epochs", "5")
    record = Record.model_validate_json(here(*given, "--json").stdout)
    (skipped,) = record.corpus.skipped
    assert skipped.id == "train-5"
    assert "is empty" in skipped.reason
    (corpus / "clips" / "test-3.wav").write_bytes(b"junk")
    done = here(*given, "--seed", "1", check=1)
    assert "damaged audio in the test set ('test-3')" in done.stderr
    assert "test.jsonl:4" in done.stderr
    (corpus / "clips" / "valid-0.wav").unlink()
    assert "'valid-0': there is no audio file" in here(*given, "--seed", "1", check=3).stderr


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (("--upstream", "fbnk"), 2, "did you mean 'fbank'"),
        (("--upstream", "mini", "--upstream-ckpt", "no"), 3, "there is no such GSLM folder"),
        (("--upstream-ckpt", "no.pt"), 3, "there is no such checkpoint"),
        (("--layers", "1"), 2, "has layers 0 to 0"),
        (("--layers", "x"), 2, "is no list of layers"),
        (("--lr", "1", "--search", "lr=1"), 2, "exclude each other"),
        (("--precision", "bf16"), 2, "which bfloat16 spoils"),
        (("--head", "small"), 2, "--head small is not for ks"),
        (("--ctc-beam", "2"), 2, "are for asr and sf, not ks"),
        (("--prompt-length", "3"), 2, "method 's3prl' has no option --prompt-length"),
    ],
)
def test_wrong_options(
    here: Here, tmp_path: Path, more: tuple[str, ...], code: int, told: str
) -> None:
    corpus = make_audio_folder(tmp_path / "tones", "ks", sizes={"train": 8, "valid": 4, "test": 4})
    assert told in here(*arguments(corpus, "ks", *more), check=code).stderr
    assert not (tmp_path / "runs").exists()


def test_an_upstream_is_trained_too(here: Here, tmp_path: Path) -> None:
    sizes = {"train": 12, "valid": 8, "test": 8}
    corpus = make_audio_folder(tmp_path / "tones", "ks", sizes=sizes)
    head = ("run", "--method", "s3prl-finetune", "--task", "ks", "--corpus", corpus)
    given = (*head, "--threads", "1", "--precision", "fp32", "--max-epochs", "8")
    done = here(*given, "--batch-utterances", "6", "--json")
    record = Record.model_validate_json(done.stdout)
    assert record.status == "ok"
    assert record.scores["accuracy"].value > 0.7
    assert record.model is not None
    assert record.model.name == "mini"
    assert record.train is not None
    assert record.train.steps == 16
    assert record.method.options["search"] == "lr=0.001"
    assert record.method.options["upstream_lr"] == 1e-4
    assert "feature_cache" not in record.method.options
    in_head = 256 * 256 + 256 + 256 * 4 + 4 + 6
    unused = 256 * 100 + 100  # names clusters, which no layer that is read depends on
    assert record.n_trainable == record.model.n_total - unused + in_head
    folder = only_run(tmp_path / "runs")
    assert record.stored_bytes == (folder / "model.safetensors").stat().st_size
    assert record.stored_bytes > 4 * record.n_trainable
    assert "finished before" in here(*given, "--batch-utterances", "6").stdout
    refused = here(*head, "--upstream", "fbank", check=2).stderr
    assert "upstream 'fbank' has nothing to train" in refused
    assert "--method s3prl " in refused
    assert "has no option --feature-cache" in here(*head, "--feature-cache", "off", check=2).stderr
    assert "s3prl-finetune" in json.loads(here("list", "methods", "--json").stdout)


def test_a_method_without_upstream_refuses_a_checkpoint(here: Here, corpus: Path) -> None:
    given = ("run", "--method", "majority", "--task", "ks", "--corpus", corpus)
    assert "uses no upstream" in here(*given, "--upstream-ckpt", "x.pt", check=2).stderr


def test_upstreams_are_listed(here: Here) -> None:
    names = json.loads(here("list", "upstreams", "--json").stdout)
    assert {"mini", "fbank_no_cmvn", "hubert", "wavlm_large"} <= set(names)
