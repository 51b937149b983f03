"""The threads of numeric work, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


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
