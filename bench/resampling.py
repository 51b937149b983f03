"""Bootstrap resamples of per-utterance rows, as sums.

Whatever is a function of summed rows can be bootstrapped from these sums. Utterances are drawn with
replacement or, where every speaker is known, speakers with all their utterances: what one speaker
says is not independent.

Source: Bisani and Ney (2004), Bootstrap estimates for confidence intervals in ASR performance
evaluation.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.random import numpy_generator

Floats: TypeAlias = NDArray[np.float64]

DRAWS_AT_ONCE = 4_000_000


def drawn_together(rows: Floats, speakers: Sequence[Hashable | None] | None) -> Floats:
    """(n_drawn, k): the rows that are drawn, of utterances or summed over speakers.

    Args:
        rows: (n, k) of utterances.
        speakers: (n,) who said each utterance. Unless all are known and there are at least two,
            utterances are drawn.

    Raises:
        DataError: if there is no utterance, or not one speaker an utterance.
    """
    if len(rows) == 0:
        raise DataError("there is no utterance to score")
    if speakers is None or None in speakers:
        return rows
    if len(speakers) != len(rows):
        raise DataError(f"{len(speakers)} speakers for {len(rows)} utterances")
    names = {speaker: i for i, speaker in enumerate(dict.fromkeys(speakers))}
    if len(names) < 2:
        return rows
    sums = np.zeros((len(names), rows.shape[1]))
    np.add.at(sums, [names[speaker] for speaker in speakers], rows)
    return sums


def resampled_sums(rows: Floats, seed: int, n_resamples: int) -> Iterator[Floats]:
    """Sums over resamples, (some, k) at a time, `n_resamples` in all.

    Equal rows are drawn together, how often by a multinomial draw: the same distribution, and much
    less work where rows take few values.

    Args:
        rows: (n, k) to draw from, n >= 1.
        seed: of the draws.
        n_resamples: how many times to draw n rows.
    """
    generator = numpy_generator(seed, "bootstrap")
    n = len(rows)
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    few = 8 * len(distinct) <= n
    m = len(distinct) if few else n
    at_once = max(1, DRAWS_AT_ONCE // m)
    for start in range(0, n_resamples, at_once):
        some = min(at_once, n_resamples - start)
        if few:
            weights = generator.multinomial(n, counts / n, size=some)
            yield weights.astype(np.float64) @ distinct
        else:
            drawn = generator.integers(0, n, size=(some, n)) + np.arange(some)[:, None] * n
            weights = np.bincount(drawn.ravel(), minlength=some * n).reshape(some, n)
            yield weights.astype(np.float64) @ rows
