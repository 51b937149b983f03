"""s3prl reseeds global generators, warns and prints; none of that leaves these blocks."""

from __future__ import annotations

import contextlib
import io
import random
import warnings
from collections.abc import Iterator

import numpy as np
import torch


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Puts Python's, numpy's and torch's global generators back; hides warnings."""
    python, of_numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=_devices()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(python)
        np.random.set_state(of_numpy)


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Contained, and without what is printed: for imports."""
    nowhere = io.StringIO()
    with contained(), contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds torch's global generators inside, for modules of others that draw from them.

    Args:
        seed: from `bench.random.derive`.
    """
    with torch.random.fork_rng(devices=_devices()):
        torch.manual_seed(seed)
        yield


def _devices() -> list[int]:
    return list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
