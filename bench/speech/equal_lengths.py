"""Batches of equally long clips: without padding, no clip's frames depend on its neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

MAX_BATCH = 32
MAX_BATCH_SAMPLES = 64 * 16_000
"""A batch holds 64 s of sound at most, or one clip."""


def equally_long(n_samples: Sequence[int]) -> Iterator[list[int]]:
    """Indices of clips in batches that are of one length each, the shortest first.

    Args:
        n_samples: length of every clip at 16 kHz.
    """
    ordered = sorted(range(len(n_samples)), key=lambda i: (n_samples[i], i))
    for length, group in groupby(ordered, key=lambda i: n_samples[i]):
        members = list(group)
        size = max(1, min(MAX_BATCH, MAX_BATCH_SAMPLES // max(1, length)))
        for start in range(0, len(members), size):
            yield members[start : start + size]
