from __future__ import annotations

import pickle

import pytest

from bench.errors import (
    BenchError,
    CheckpointError,
    DataError,
    MissingError,
    RunFailedError,
    StorageError,
    UnknownNameError,
    UsageError,
    closest,
)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (BenchError, 1),
        (UsageError, 2),
        (MissingError, 3),
        (DataError, 1),
        (CheckpointError, 1),
        (StorageError, 1),
        (RunFailedError, 1),
    ],
)
def test_exit_codes(kind: type[BenchError], code: int) -> None:
    assert kind("x").exit_code == code


def test_message_says_where_first_and_what_to_do_last() -> None:
    error = DataError("unit 'x' is not a number", where="train.txt:7", hint="write numbers")
    assert str(error) == "train.txt:7: unit 'x' is not a number\n  write numbers"
    assert str(DataError("plain")) == "plain"


def test_unknown_name_suggests_the_nearest_or_lists_all() -> None:
    near = UnknownNameError("method", "Promt", ["prompt", "majority"])
    assert "did you mean 'prompt'?" in str(near)
    far = UnknownNameError("method", "xyz", ["prompt", "majority"])
    assert "known: majority, prompt" in str(far)
    assert far.exit_code == 2


def test_errors_survive_a_process_boundary() -> None:
    for error in (
        DataError("bad", where="f:1", hint="h"),
        UnknownNameError("task", "kss", ["ks"], where="c.yaml"),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)


def test_closest_ignores_case_and_gives_up_on_strangers() -> None:
    assert closest("KS", ["ks", "ic"]) == "ks"
    assert closest("zebra", ["ks", "ic"]) is None
