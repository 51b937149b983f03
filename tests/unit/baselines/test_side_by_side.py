from __future__ import annotations

import math
import threading
import time

import pytest

from baselines.side_by_side import BLOCK, side_by_side, through_batches


def test_on_one_thread_all_take_a_block_before_the_next_is_taken() -> None:
    seen: list[tuple[int, int]] = []

    def work(training: int, block: int) -> None:
        seen.append((training, block))

    assert side_by_side(3, 2, work, threads=1, ends=math.inf) == 2
    assert seen == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_each_goes_through_its_blocks_in_order_and_never_on_two_threads(threads: int) -> None:
    blocks: list[list[int]] = [[], [], []]
    busy = [threading.Lock() for _ in blocks]
    most = at_once = 0
    count = threading.Lock()

    def work(training: int, block: int) -> None:
        nonlocal most, at_once
        assert busy[training].acquire(blocking=False), "on two threads at once"
        with count:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.002)
        with count:
            at_once -= 1
        blocks[training].append(block)
        busy[training].release()

    assert side_by_side(3, 20, work, threads=threads, ends=math.inf) == 20
    assert blocks == [list(range(20))] * 3
    assert most == min(3, threads)


@pytest.mark.parametrize("threads", [1, 2])
def test_when_time_is_up_all_have_made_as_many_blocks(threads: int) -> None:
    done = [0, 0, 0]

    def work(training: int, block: int) -> None:
        done[training] += 1
        time.sleep(0.001 * (1 + training))

    n_blocks = side_by_side(3, 10_000, work, threads=threads, ends=time.perf_counter() + 0.3)
    assert done == [n_blocks] * 3
    assert 1 < n_blocks < 10_000


@pytest.mark.parametrize("threads", [1, 3])
def test_one_block_is_made_even_without_time(threads: int) -> None:
    done = [0, 0]

    def work(training: int, block: int) -> None:
        done[training] += 1

    assert side_by_side(2, 5, work, threads=threads, ends=-math.inf) == 1
    assert done == [1, 1]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("wrong", [0, 1])
def test_an_error_in_one_stops_the_others(threads: int, wrong: int) -> None:
    done = 0

    def work(training: int, block: int) -> None:
        nonlocal done
        if training == wrong and block == 3:
            raise ZeroDivisionError
        done += 1
        time.sleep(0.002)

    with pytest.raises(ZeroDivisionError):
        side_by_side(2, 1000, work, threads=threads, ends=math.inf)
    assert done < 200


@pytest.mark.parametrize("n_trainings", [1, 3])
def test_every_batch_is_read_once_for_all_and_stepped_on_in_order(n_trainings: int) -> None:
    batches = [f"batch {i}" for i in range(2 * BLOCK + 3)]
    read: list[str] = []
    seen: list[list[tuple[int, str]]] = [[] for _ in range(n_trainings)]

    def take(batch: str) -> str:
        read.append(batch)
        return batch.upper()

    def step(training: int, place: int, what: str) -> None:
        seen[training].append((place, what))

    n = through_batches(n_trainings, batches, take, step, threads=1, ends=math.inf)
    assert n == len(batches)
    assert read == batches
    assert seen == [[(i, b.upper()) for i, b in enumerate(batches)]] * n_trainings


@pytest.mark.parametrize(("n_trainings", "expected"), [(1, 1), (2, BLOCK)])
def test_without_time_one_training_makes_a_batch_and_several_a_block(
    n_trainings: int, expected: int
) -> None:
    made = [0] * n_trainings

    def step(training: int, place: int, what: int) -> None:
        made[training] += 1

    batches = range(3 * BLOCK)
    n = through_batches(n_trainings, batches, int, step, threads=1, ends=-math.inf)
    assert n == expected
    assert made == [expected] * n_trainings
