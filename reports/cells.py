"""One method on one task: the cell of a table, and the point of a figure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtrit

from bench.records import Score
from reports.per_utterance import sample_of
from reports.reading import Run
from reports.replicates import mean_over, means_of, replicates
from reports.significance import interval_of


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Runs that differ in the seed (and device or precision) only.

    Runs of the same seed are averaged first: they are one seed, however often it was run.

    Attributes:
        value: of the metric; the mean over seeds.
        ci95: interval: over the test set for a single seed, over test set and seeds for several.
        spread: standard deviation over seeds; None for a single one.
        seeds: each once; in a mixed cell once for each set of options.
        n_trainable: trained parameters; the rounded mean where runs differ.
        stored_bytes: of what was trained; as above.
        train_s: training time, mean.
        best: significantly better than every other row of its column.
        p_best: Holm-adjusted p of no difference to the best of the column; None where that was
            not tested, and for the best itself.
        mixed: options that differ among the runs; such a cell is no single method.
    """

    metric: str
    unit: str
    higher_is_better: bool
    value: float
    ci95: tuple[float, float]
    spread: float | None
    seeds: tuple[int, ...]
    n_trainable: int | None
    stored_bytes: int | None
    train_s: float
    folders: tuple[str, ...]
    best: bool = False
    p_best: float | None = None
    mixed: tuple[str, ...] = ()


def cell_of(runs: Sequence[Run], mixed: tuple[str, ...] = ()) -> Cell:
    """One cell.

    Args:
        runs: at least one.
        mixed: options that differ among them.
    """
    records = [run.record for run in runs]
    groups = replicates(runs)
    values = means_of(groups, _value)
    score = runs[0].score
    return Cell(
        metric=runs[0].shown,
        unit=score.unit,
        higher_is_better=score.higher_is_better,
        value=mean_over(groups, _value),
        ci95=score.ci95 if len(runs) == 1 else _possible(_interval(runs), score),
        spread=None if len(groups) == 1 else statistics.stdev(values),
        seeds=tuple(group[0].record.seed for group in groups),
        n_trainable=_rounded([r.n_trainable for r in records if r.n_trainable is not None]),
        stored_bytes=_rounded([r.stored_bytes for r in records if r.stored_bytes is not None]),
        train_s=_mean([record.cost.train_s for record in records]),
        folders=tuple(str(run.folder) for run in runs),
        mixed=mixed,
    )


def _interval(runs: Sequence[Run]) -> tuple[float, float]:
    sample, _ = sample_of(runs)
    if sample is not None:
        return interval_of(sample, 2000)
    # Without utterances: the runs' own intervals and the seeds' spread, which counts twice what
    # both hold and so is too wide rather than too narrow.
    groups = replicates(runs)
    low = mean_over(groups, lambda run: run.score.ci95[0])
    high = mean_over(groups, lambda run: run.score.ci95[1])
    n = len(groups)
    if n == 1:
        return low, high
    values = means_of(groups, _value)
    seeds = float(stdtrit(n - 1, 0.975)) * statistics.stdev(values) / n**0.5
    mean, half = mean_over(groups, _value), math.hypot((high - low) / 2, seeds)
    return mean - half, mean + half


def _value(run: Run) -> float:
    return run.score.value


def _possible(ci95: tuple[float, float], score: Score) -> tuple[float, float]:
    """Without values that a share cannot take; an error rate can pass 1."""
    if score.unit != "fraction":
        return ci95
    low, high = ci95
    return max(low, 0.0), min(high, 1.0) if score.higher_is_better else high


def _mean(values: Sequence[float]) -> float:
    """A mean that does not overflow."""
    return sum(value / len(values) for value in values)


def _rounded(counts: Sequence[int]) -> int | None:
    return round(sum(counts) / len(counts)) if counts else None
