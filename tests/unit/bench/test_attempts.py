from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bench.attempts import Attempt, next_attempt
from bench.records import Record
from bench.run_folder import RunFolder
from tests.unit.bench.test_records import finished


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_the_first_attempt_has_cost_nothing(folder: RunFolder) -> None:
    attempt = next_attempt(folder)
    assert (attempt.prepare_s, attempt.train_s) == (0, 0)


def test_a_killed_attempt_counts_up_to_what_it_left(folder: RunFolder) -> None:
    first = Attempt(train_s=5.0).training(2.0)
    first.write(folder)
    curve = folder.path / "train.jsonl"
    curve.touch()
    since = first.training_since
    assert since is not None
    os.utime(curve, (since + 30, since + 30))
    second = next_attempt(folder)
    assert second.first_started == first.first_started
    assert second.prepare_s == 2.0
    assert second.train_s == pytest.approx(35.0)
    assert second.training_since is None


def test_a_killed_attempt_that_left_nothing_costs_nothing(folder: RunFolder) -> None:
    (folder.path / "train.jsonl").touch()
    past = time.time() - 1000
    os.utime(folder.path / "train.jsonl", (past, past))
    Attempt().training(1.0).write(folder)
    assert next_attempt(folder).train_s == 0


def test_an_interrupted_attempt_says_itself_what_it_cost(folder: RunFolder) -> None:
    Attempt().training(1.0).write(folder)
    (folder.path / "train.jsonl").touch()
    record = Record.model_validate({**finished(), "status": "interrupted", "error": "SIGTERM"})
    folder.write_record(record)
    attempt = next_attempt(folder)
    assert (attempt.prepare_s, attempt.train_s) == (0.1, 2.0)


def test_an_unreadable_note_is_a_first_attempt(folder: RunFolder) -> None:
    (folder.path / "attempt.json").write_text('{"train_s": 1, "more": 2}')
    assert next_attempt(folder).train_s == 0
