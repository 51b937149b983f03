from __future__ import annotations

import math
import threading
import time

import pytest

from baselines.side_by_side import side_by_side


def test_on_one_thread_all_take_a_block_before_the_next_is_taken() -> None:
    seen: list[tuple[int, int]] = []
    work = lambda training, block: seen.append((training, block))  # noqa: E731
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
