from __future__ import annotations

from pathlib import Path

import pytest

from bench.check import workers
from bench.check.measurement import Kept
from bench.check.suite import load_suite
from bench.check.workers import Failure, Todo, measure_all
from bench.errors import BenchError, DataError, MissingError, UnknownNameError


def made(monkeypatch: pytest.MonkeyPatch, error: BenchError) -> list[Kept | Failure]:
    """What comes of a run that ends with an error."""

    def failing(*_: object) -> Kept:
        raise error

    monkeypatch.setattr(workers, "measure", failing)
    found: list[Kept | Failure] = []
    todo = Todo(load_suite("ci").cells[0], 0)
    measure_all([todo], Path("runs"), 1, lambda _, result: found.append(result))
    return found


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            UnknownNameError("upstream", "hubrt", ["hubert"]),
            "cell {}: unknown upstream 'hubrt'\n  did you mean 'hubert'?",
        ),
        (
            MissingError("is not there", where="a/b", hint="get it"),
            "cell {}: a/b: is not there\n  get it",
        ),
    ],
)
def test_what_stands_in_every_runs_way_is_raised_with_the_cell(
    monkeypatch: pytest.MonkeyPatch, error: BenchError, told: str
) -> None:
    with pytest.raises(type(error)) as caught:
        made(monkeypatch, error)
    assert str(caught.value) == told.format(load_suite("ci").cells[0].name)


def test_a_fault_of_one_run_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    (result,) = made(monkeypatch, DataError("is damaged"))
    assert isinstance(result, Failure)
    assert result.why == "is damaged"
