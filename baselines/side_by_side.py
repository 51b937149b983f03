"""Trainings that go through the same blocks of batches at the same time, on a few threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from bench.threads import pool_of_one_thread_each

Batch = TypeVar("Batch")
Read = TypeVar("Read")

BLOCK = 8
"""Batches that several trainings read together; each goes through them at once, so that its weights
stay in the processor's cache."""


def through_batches(
    n_trainings: int,
    batches: Sequence[Batch],
    read: Callable[[Batch], Read],
    step: Callable[[int, int, Read], None],
    *,
    threads: int,
    ends: float,
) -> int:
    """Every training goes through the batches in order; what is read serves all of them.

    Args:
        n_trainings: how many.
        batches: what each goes through.
        read: makes of a batch what all trainings need of it.
        step: takes a training, the place of a batch (both counted from 0) and what was read of it.
        threads: see `side_by_side`, also for how `read` and `step` are called.
        ends: likewise; one training stops at any batch, several after whole blocks of them.

    Returns:
        The batches that each has gone through.
    """
    several = n_trainings > 1
    size = BLOCK if several else 1
    blocks = [batches[begin : begin + size] for begin in range(0, len(batches), size)]

    @lru_cache(maxsize=1 + threads if several else 0)
    def of_block(block: int) -> list[Read]:
        return [read(batch) for batch in blocks[block]]

    def work(training: int, block: int) -> None:
        for place, of_batch in enumerate(of_block(block), block * size):
            step(training, place, of_batch)

    done = side_by_side(n_trainings, len(blocks), work, threads=threads, ends=ends)
    return sum(len(block) for block in blocks[:done])


def side_by_side(
    n_trainings: int,
    n_blocks: int,
    work: Callable[[int, int], None],
    *,
    threads: int,
    ends: float,
) -> int:
    """Every training goes through the blocks in order, whichever is furthest behind first.

    `threads` of them are under way at any time, the operations of each on one thread where there
    are several, and all are at nearly the same block, of which they can share what was read.

    Args:
        n_trainings: how many.
        n_blocks: how many each goes through.
        work: takes a training and a block (both counted from 0) through it; called from several
            threads, but for one training never from two at once.
        threads: how many may work.
        ends: when to stop by `time.perf_counter`. Each training has then gone through as many
            blocks as the first of them, and through one at least.

    Returns:
        The blocks that each has gone through.
    """
    done = [0] * n_trainings
    resting = set(range(n_trainings))
    last = n_blocks
    lock = threading.Lock()

    def take() -> int | None:
        """A training that has more to do; None: there is none, or others are at the rest."""
        nonlocal last
        with lock:
            if time.perf_counter() >= ends:
                begun = [n if i in resting else n + 1 for i, n in enumerate(done)]
                last = min(last, max(1, *begun))
            ready = [i for i in resting if done[i] < last]
            if not ready:
                return None
            first = min(ready, key=lambda i: (done[i], i))
            resting.remove(first)
            return first

    def stop() -> None:
        nonlocal last
        with lock:
            last = 0

    def keep_working() -> None:
        while (training := take()) is not None:
            try:
                work(training, done[training])
            except BaseException:
                stop()
                raise
            with lock:
                done[training] += 1
                resting.add(training)

    workers = min(threads, n_trainings)
    if workers == 1:
        keep_working()
        return last
    with pool_of_one_thread_each(workers) as pool:
        futures = [pool.submit(keep_working) for _ in range(workers)]
        try:
            for future in futures:
                future.result()
        except BaseException:  # an interrupt comes here, not to the workers
            stop()
            raise
    return last
