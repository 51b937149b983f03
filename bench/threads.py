"""The threads of numeric work, for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def one_thread() -> Iterator[int]:
    """Operations on one thread within the block.

    For steps so small that handing out their work costs more than doing it: a second thread gains
    them nothing on a quiet machine, and on a busy one every step waits for it.

    Yields:
        How many threads there are outside, for whoever has several such things to do at once.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)


def pool_of_one_thread_each(workers: int) -> ThreadPoolExecutor:
    """Workers that have the operations of each on one thread; to be used within `one_thread`."""
    return ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))


def each_on_one_thread(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """What `work` makes of each item, in order; as many at a time as there are threads.

    The operations of each are on one thread, so the number of threads changes no result.

    Args:
        work: may be called by several threads at once.
        items: whatever it takes.

    Raises:
        Exception: what `work` raises for the first item it fails on; the rest is given up.
    """
    with one_thread() as threads:
        workers = min(threads, len(items))
        if workers < 2:
            return [work(item) for item in items]
        pool = pool_of_one_thread_each(workers)
        try:
            return list(pool.map(work, items))
        finally:
            pool.shutdown(cancel_futures=True)
