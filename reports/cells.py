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
from reports.significance import interval_of


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Runs that differ in the seed (and device or precision) only.

    Attributes:
        value: of the metric; the mean over runs.
        ci95: interval: over the test set for a single run, over test set and seeds for several.
        spread: standard deviation over runs; None for a single one.
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
    scores = [run.score for run in runs]
    values = [score.value for score in scores]
    single = len(runs) == 1
    return Cell(
        metric=runs[0].shown,
        unit=scores[0].unit,
        higher_is_better=scores[0].higher_is_better,
        value=_mean(values),
        ci95=scores[0].ci95 if single else _possible(_interval(runs), scores[0]),
        spread=None if single else statistics.stdev(values),
        seeds=tuple(sorted(record.seed for record in records)),
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
    values = [run.score.value for run in runs]
    own = _mean([(run.score.ci95[1] - run.score.ci95[0]) / 2 for run in runs])
    seeds = float(stdtrit(len(runs) - 1, 0.975)) * statistics.stdev(values) / len(runs) ** 0.5
    mean, half = _mean(values), math.hypot(own, seeds)
    return mean - half, mean + half


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
