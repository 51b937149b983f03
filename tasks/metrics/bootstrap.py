"""Bootstrap intervals of metrics (see `bench.resampling`).

Tests that pair two runs are made from records: `reports.significance`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bench.resampling import drawn_together, resampled_sums
from tasks.metrics.metric import Floats

N_RESAMPLES = 2000


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
    point = float(value(rows.sum(axis=0)))
    low, high = np.quantile(values, [0.025, 0.975])
    return min(float(low), point), max(float(high), point)
