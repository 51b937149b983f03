"""Bootstrap intervals and paired comparisons.

Utterances are drawn with replacement or, where every speaker is known, speakers with all their
utterances: utterances of one speaker are not independent.

Source: Bisani and Ney (2004), Bootstrap estimates for confidence intervals in ASR performance
evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bench.errors import DataError
from bench.random import numpy_generator
from tasks.metrics.metric import Floats

N_RESAMPLES = 2000
_DRAWS_AT_ONCE = 4_000_000


class PairedDifference(NamedTuple):
    """How two runs on the same utterances differ.

    Attributes:
        difference: value of the first minus value of the second.
        ci95: bootstrap interval of the difference.
        p: two-sided bootstrap p-value of no difference, never 0.
    """

    difference: float
    ci95: tuple[float, float]
    p: float


def interval(
    statistics: Floats,
    value: Callable[[Floats], Floats],
    *,
    speakers: Sequence[str | None] | None,
    seed: int,
    n_resamples: int = N_RESAMPLES,
) -> tuple[float, float]:
    """Percentile bootstrap 95 % interval, widened to contain the value itself if it does not.

    Args:
        statistics: (n, k) rows of a metric.
        value: the metric's value of sums.
        speakers: (n,) who said each utterance. Unless all are known and there are at least two,
            utterances are drawn instead.
        seed: the run's seed.
        n_resamples: how many times to draw.

    Raises:
        DataError: if there is no utterance.
    """
    rows = _clusters(statistics, speakers)
    values = np.concatenate([value(sums) for sums in _resampled(rows, seed, n_resamples)])
    return _around(float(value(rows.sum(axis=0))), values)


def paired(
    a: Floats,
    b: Floats,
    value: Callable[[Floats], Floats],
    *,
    speakers: Sequence[str | None] | None,
    seed: int,
    n_resamples: int = N_RESAMPLES,
) -> PairedDifference:
    """Compares two runs: both are computed on the same resamples.

    Args:
        a: (n, k) rows of the first run.
        b: (n, k) rows of the second run, the same utterances in the same order.
        value: the metric's value of sums.
        speakers: as in `interval`.
        seed: seed of the comparison.
        n_resamples: how many times to draw.

    Raises:
        DataError: if there is no utterance, or the two differ in shape.
    """
    if a.shape != b.shape:
        raise DataError(f"statistics of {a.shape} and {b.shape} are not of the same utterances")
    k = a.shape[1]
    rows = _clusters(np.concatenate([a, b], axis=1), speakers)

    def differ(sums: Floats) -> Floats:
        return value(sums[..., :k]) - value(sums[..., k:])

    differences = np.concatenate([differ(sums) for sums in _resampled(rows, seed, n_resamples)])
    difference = float(differ(rows.sum(axis=0)))
    below, above = int((differences <= 0).sum()), int((differences >= 0).sum())
    p = min(1.0, 2 * (1 + min(below, above)) / (1 + n_resamples))
    return PairedDifference(difference, _around(difference, differences), p)


def _clusters(statistics: Floats, speakers: Sequence[str | None] | None) -> Floats:
    """(n_drawn, k): the rows that are drawn, of utterances or summed over speakers."""
    if len(statistics) == 0:
        raise DataError("there is no utterance to score")
    if speakers is None or None in speakers:
        return statistics
    if len(speakers) != len(statistics):
        raise DataError(f"{len(speakers)} speakers for {len(statistics)} utterances")
    names = {speaker: i for i, speaker in enumerate(dict.fromkeys(speakers))}
    if len(names) < 2:
        return statistics
    sums = np.zeros((len(names), statistics.shape[1]))
    np.add.at(sums, [names[speaker] for speaker in speakers], statistics)
    return sums


def _resampled(rows: Floats, seed: int, n_resamples: int) -> Iterator[Floats]:
    """Sums over resamples, (some, k) at a time, `n_resamples` in all."""
    generator = numpy_generator(seed, "bootstrap")
    n = len(rows)
    at_once = max(1, _DRAWS_AT_ONCE // n)
    for start in range(0, n_resamples, at_once):
        m = min(at_once, n_resamples - start)
        drawn = generator.integers(0, n, size=(m, n)) + np.arange(m)[:, None] * n
        weights = np.bincount(drawn.ravel(), minlength=m * n).reshape(m, n)
        yield weights.astype(np.float64) @ rows


def _around(point: float, values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return min(float(low), point), max(float(high), point)
