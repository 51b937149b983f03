"""Runs many small runs, several processes at a time; a run that fails does not stop the others."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench.check.measurement import Kept
from bench.check.measuring import measure
from bench.check.suite import Cell
from bench.errors import BenchError, MissingError, RunFailedError, StorageError, UsageError
from bench.interruption import Interrupted, interruptible


class Todo(NamedTuple):
    """A run to be made."""

    cell: Cell
    seed: int


class Failure(NamedTuple):
    """A run that ended with an error, and what that was."""

    cell: str
    seed: int
    why: str


Done = Callable[[Todo, "Kept | Failure"], None]


def measure_all(todo: Sequence[Todo], out: Path, jobs: int, done: Done) -> None:
    """Makes all runs.

    Args:
        todo: in this order.
        out: where run folders go.
        jobs: processes; 1 works in this one.
        done: told of every run as it ends.

    Raises:
        UsageError, MissingError, StorageError: if a run cannot be made at all; the others are
            given up.
        RunFailedError: if a process died.
        KeyboardInterrupt: when interrupted; the processes were ended.
    """
    with interruptible():
        runs = _here(todo, out) if jobs == 1 or len(todo) < 2 else _pool(todo, out, jobs)
        for one, result in runs:
            done(one, result)


def _here(todo: Sequence[Todo], out: Path) -> Iterator[tuple[Todo, Kept | Failure]]:
    for one in todo:
        yield one, _result(one, partial(measure, one.cell, one.seed, out))


def _pool(todo: Sequence[Todo], out: Path, jobs: int) -> Iterator[tuple[Todo, Kept | Failure]]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(todo)), mp_context=context)
    try:
        running: dict[Future[Kept], Todo] = {
            pool.submit(measure, one.cell, one.seed, out): one for one in todo
        }
        for future in as_completed(running):
            yield running[future], _result(running[future], future.result)
    except BrokenProcessPool as error:
        raise RunFailedError(
            "a process of the check was killed",
            hint="was there enough memory? --jobs 1 needs less, --resume goes on",
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        pool.shutdown(wait=True)


def _result(one: Todo, measured: Callable[[], Kept]) -> Kept | Failure:
    """A run's measurement, or why there is none; what stands in every run's way is raised."""
    try:
        return measured()
    except (UsageError, MissingError, StorageError) as error:
        error.where = f"cell {one.cell.name}" + (f": {error.where}" if error.where else "")
        raise
    except (BrokenProcessPool, Interrupted):
        raise
    except BenchError as error:
        return Failure(one.cell.name, one.seed, error.message)
    except Exception as error:
        return Failure(one.cell.name, one.seed, f"{type(error).__name__}: {error}")
