"""The threads of numeric work, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Operations on one thread within the block.

    For steps so small that handing out their work costs more than doing it: a second thread gains
    them nothing on a quiet machine, and on a busy one every step waits for it.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
