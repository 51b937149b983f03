from __future__ import annotations

import threading

import pytest
import torch

from bench.threads import each_on_one_thread, one_thread


def _fail_on_one_thread() -> None:
    with one_thread():
        assert torch.get_num_threads() == 1
        raise KeyError


def test_the_threads_come_back_after_an_error_too() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with pytest.raises(KeyError):
            _fail_on_one_thread()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 3])
def test_items_are_worked_on_side_by_side_and_come_back_in_order(threads: int) -> None:
    before = torch.get_num_threads()
    together = threading.Barrier(threads)

    def work(item: int) -> tuple[int, int]:
        together.wait(timeout=30)  # passes only if `threads` of them are under way
        return item, torch.get_num_threads()

    try:
        torch.set_num_threads(threads)
        assert each_on_one_thread(work, range(6)) == [(item, 1) for item in range(6)]
        assert each_on_one_thread(work, []) == []
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_the_first_error_is_raised_and_the_rest_given_up() -> None:
    before = torch.get_num_threads()
    begun: list[int] = []

    def work(item: int) -> None:
        begun.append(item)
        if item % 100 == 3:
            raise KeyError(item)
        if item > 3:
            failed.wait(timeout=30)

    failed = threading.Event()
    try:
        torch.set_num_threads(2)
        threading.Timer(0.5, failed.set).start()
        with pytest.raises(KeyError, match="3"):
            each_on_one_thread(work, range(1000))
    finally:
        torch.set_num_threads(before)
    assert len(begun) < 20
