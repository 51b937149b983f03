from __future__ import annotations

import multiprocessing
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from bench.errors import DataError, StorageError
from bench.run_folder import Identity, RunFolder

IDENTITY = Identity(
    task="ks",
    task_version="1",
    method="prompt",
    corpus="my corpus/ä",
    corpus_fingerprint="ab",
    model="g",
    model_fingerprint="cd",
    options={"lr": 0.05, "length": 5},
    seed=3,
    device="cpu",
    precision="auto",
)


def test_the_name_is_readable_and_safe() -> None:
    name = IDENTITY.folder_name()
    assert name.startswith("ks-prompt-my_corpus_ä-g-s3-")
    assert len(name.rpartition("-")[2]) == 8
    assert "/" not in replace(IDENTITY, corpus="../..").folder_name()


@pytest.mark.parametrize(
    "change",
    [
        {"task_version": "2"},
        {"method": "majority"},
        {"corpus_fingerprint": "x"},
        {"model_fingerprint": "x"},
        {"options": {"lr": 0.05, "length": 6}},
        {"seed": 4},
        {"precision": "fp32"},
        {"device": "cuda"},
    ],
)
def test_everything_that_decides_the_result_is_in_the_hash(change: dict[str, Any]) -> None:
    assert replace(IDENTITY, **change).digest() != IDENTITY.digest()


def test_names_order_of_options_and_device_number_are_not_in_the_hash() -> None:
    same = replace(IDENTITY, corpus="other", model="other", options={"length": 5, "lr": 0.05})
    assert same.digest() == IDENTITY.digest()
    first, second = (replace(IDENTITY, device=f"cuda:{i}") for i in range(2))
    assert first.digest() == second.digest()


def _hold(path: Path, pipe: Connection) -> None:
    with RunFolder(path).held():
        pipe.send("held")
        pipe.recv()


def test_two_processes_do_not_hold_one_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    other = context.Process(target=_hold, args=(folder.path, there))
    other.start()
    try:
        assert here.recv() == "held"
        with (
            pytest.raises(StorageError, match=rf"another process \(pid {other.pid}\) is working"),
            folder.held(),
        ):
            pass
        other.kill()
        other.join()
        with folder.held():
            assert (folder.path / ".lock").exists()
    finally:
        other.kill()
        other.join()
        other.close()
        here.close()
        there.close()


def test_clear_keeps_nothing_but_the_lock(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with folder.held():
        (tmp_path / "checkpoint").mkdir()
        (tmp_path / "checkpoint" / "state").touch()
        folder.prepare("seed: 1\n")
        assert folder.started()
        folder.clear()
    assert [entry.name for entry in tmp_path.iterdir()] == [".lock"]


def test_prepare_removes_half_written_files_and_the_old_verdict(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for name in (".predictions.jsonl.12-0123abcd.tmp", "record.json"):
        (tmp_path / name).write_text("{")
    folder.prepare("seed: 1\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.yaml"]


def test_a_broken_record_says_how_to_get_past_it(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text("{}")
    with pytest.raises(DataError, match="--overwrite runs it anew"):
        RunFolder(tmp_path).finished()
    assert RunFolder(tmp_path).ended_attempt() is None
