"""Which utterances are alike: nearest neighbours by their unit n-grams, without any label.

TF-IDF of runs of one to three units, projected on their strongest `DIMENSIONS` directions (latent
semantic analysis, Deerwester et al. 1990), compared by cosine. On the units of Speech Commands nine
in ten nearest neighbours are the same word. An LM that learns to say an utterance's neighbour after
it has to find out what the two share (as Dwibedi et al. 2021 do with images: NNCLR).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize

from bench.unit_ngrams import ngram_counter, spaced

LONGEST = 3
"""Units in the longest run that is counted."""
MIN_COUNT = 3
"""Runs that fewer utterances hold are left out."""
DIMENSIONS = 128
_SIMILARITIES = 50_000_000
"""How many are held at once (200 MB)."""


def nearest(utterances: Sequence[NDArray[np.int32]], n: int) -> NDArray[np.int64]:
    """The `n` nearest other utterances of each.

    Args:
        utterances: units of each, (length,), all different from each other, more than `n`.
        n: how many.

    Returns:
        (utterances, n) indices, nearest first.

    Raises:
        ValueError: if no run of units is in `MIN_COUNT` utterances.
    """
    texts = map(spaced, utterances)
    counts = ngram_counter(LONGEST, MIN_COUNT).fit_transform(texts)
    if counts.shape[1] > DIMENSIONS:
        counts = TruncatedSVD(DIMENSIONS, random_state=0).fit_transform(counts)
    else:
        counts = counts.toarray()
    points = normalize(counts).astype(np.float32)
    found = np.empty((len(points), n), np.int64)
    block = max(1, _SIMILARITIES // len(points))
    for start in range(0, len(points), block):
        distances = -points[start : start + block] @ points.T
        at = np.arange(len(distances))
        distances[at, start + at] = np.inf
        some = np.argpartition(distances, n - 1, axis=1)[:, :n]
        order = np.argsort(np.take_along_axis(distances, some, axis=1), axis=1, kind="stable")
        found[start : start + block] = np.take_along_axis(some, order, axis=1)
    return found
