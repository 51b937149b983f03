"""Bootstrap intervals of metrics (see `bench.resampling`), and comparisons of two runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bench.errors import DataError
from bench.resampling import drawn_together, resampled_sums
from tasks.metrics.metric import Floats

N_RESAMPLES = 2000


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
    rows = drawn_together(statistics, speakers)
    values = np.concatenate([value(sums) for sums in resampled_sums(rows, seed, n_resamples)])
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
    rows = drawn_together(np.concatenate([a, b], axis=1), speakers)

    def differ(sums: Floats) -> Floats:
        return value(sums[..., :k]) - value(sums[..., k:])

    differences = np.concatenate([differ(sums) for sums in resampled_sums(rows, seed, n_resamples)])
    difference = float(differ(rows.sum(axis=0)))
    below, above = int((differences <= 0).sum()), int((differences >= 0).sum())
    p = min(1.0, 2 * (1 + min(below, above)) / (1 + n_resamples))
    return PairedDifference(difference, _around(difference, differences), p)


def _around(point: float, values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return min(float(low), point), max(float(high), point)
