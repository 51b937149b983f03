from __future__ import annotations

import pytest
import torch

from bench.threads import one_thread


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
