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
    with _generators_put_back(), unwarned():
        yield


@contextlib.contextmanager
def unwarned() -> Iterator[None]:
    """Hides warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Contained, and without what is printed: for imports."""
    nowhere = io.StringIO()
    with contained(), contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds all global generators inside, for modules of others that draw from them.

    Args:
        seed: from `bench.random.derive`.
    """
    with _generators_put_back():
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        yield


@contextlib.contextmanager
def _generators_put_back() -> Iterator[None]:
    python, of_numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=_devices()):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(of_numpy)


def _devices() -> list[int]:
    return list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
