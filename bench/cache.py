"""The place for what can be made again: generated corpora, units, features."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.files import make_folder, storage


def cache_root() -> Path:
    """`BENCH_CACHE`, or `~/.cache/speechprompt-bench`; it need not be there yet."""
    named = os.environ.get("BENCH_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "speechprompt-bench"


@contextmanager
def one_at_a_time(entry: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds `entry` against other processes that would make it too; waits for them first.

    The kernel drops the lock when a process dies, so a killed one leaves nothing behind.

    Args:
        entry: what is to be made; the lock lies beside it.
        waiting: called if somebody else is at work.

    Raises:
        StorageError: if the lock cannot be made.
    """
    make_folder(entry.parent)
    lock = entry.with_name(f".{entry.name}.lock")
    with storage(lock):
        stream = lock.open("a")
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
