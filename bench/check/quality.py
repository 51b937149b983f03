"""Is the quality of a cell worse, by more than seeds and test set explain?

Every metric that is a ratio over utterances is compared with the baseline's runs of the same seeds,
with the variance that the baseline's seeds show and the one that the test utterances give (see
`reports.significance.repeated`). The loss at the end of training is compared by the spread over
seeds alone; it tells where a metric stands at its floor and cannot. The p-values of a whole check
are corrected together (Holm 1979).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr, stdtrit

from bench.check.measurement import Measurement
from reports.per_utterance import Sample
from reports.significance import holm, mean_of, repeated

LOSS = "train_loss"
N_RESAMPLES = 20_000
_SMALLEST_SHARE = 1e-3
"""A loss is not taken to be known more exactly than this share of itself."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A metric of a cell, now and in the baseline.

    Attributes:
        now, before: means over the same seeds.
        ci95: interval of the difference now - before.
        p_worse: one-sided, of no worsening; Holm-adjusted over the check once `corrected`.
        p_better: the same of no improvement.
        least: the worsening that would just be an alarm.
        exact: whether every utterance of every seed came out as in the baseline.
    """

    cell: str
    metric: str
    unit: str
    higher_is_better: bool
    now: float
    before: float
    ci95: tuple[float, float]
    p_worse: float
    p_better: float
    exact: bool

    @property
    def difference(self) -> float:
        """Now - before."""
        return self.now - self.before


def changes(cell: str, now: Sequence[Measurement], before: Sequence[Measurement]) -> list[Change]:
    """All that can be compared of one cell.

    Args:
        cell: its name.
        now: its runs, at least two, with seeds that the baseline has.
        before: all of the baseline's runs of the cell.
    """
    seeds = [one.seed for one in now]
    paired = [one for one in before if one.seed in seeds]
    found = []
    for name, score in before[0].scores.items():
        every = [*now, *before]
        if not all(name in one.ratios for one in every):
            continue  # not a ratio: its parts are compared, or its direction alone
        samples = [_joined([m.sample(name) for m in runs]) for runs in (now, paired, before)]
        difference = repeated(samples[0], samples[1], samples[2], N_RESAMPLES)
        means = [mean_of(sample) for sample in samples[:2]]
        exact = [one.ratios[name] for one in now] == [one.ratios[name] for one in paired]
        found.append(
            _change(
                cell,
                name,
                score.unit,
                score.higher_is_better,
                means[0],
                means[1],
                difference.ci95,
                difference.p,
                exact,
            )
        )
    losses = [[one.train_loss for one in runs] for runs in (now, paired, before)]
    if all(loss is not None for some in losses for loss in some):
        given = [[loss for loss in some if loss is not None] for some in losses]
        found.append(_loss_change(cell, *given))
    return found


def corrected(found: Sequence[Change]) -> list[Change]:
    """With p-values adjusted for the number of comparisons in the check."""
    worse, better = (holm([getattr(one, p) for one in found]) for p in ("p_worse", "p_better"))
    return [
        replace(one, p_worse=a, p_better=b) for one, a, b in zip(found, worse, better, strict=True)
    ]


def _loss_change(cell: str, now: list[float], paired: list[float], before: list[float]) -> Change:
    means = statistics.fmean(now), statistics.fmean(paired)
    smallest = _SMALLEST_SHARE * abs(means[1])
    deviation = max(statistics.stdev(before), smallest)
    error = deviation * (1 / len(now) + 1 / len(paired)) ** 0.5
    freedom = len(before) - 1
    difference = means[0] - means[1]
    p = 2 * float(stdtr(freedom, -abs(difference) / error)) if error > 0 else 1.0
    half = float(stdtrit(freedom, 0.975)) * error
    return _change(
        cell,
        LOSS,
        "nats",
        False,
        *means,
        (difference - half, difference + half),
        p,
        now == paired,
    )


def _change(
    cell: str,
    metric: str,
    unit: str,
    higher_is_better: bool,
    now: float,
    before: float,
    ci95: tuple[float, float],
    p: float,
    exact: bool,
) -> Change:
    gain = (now - before) * (1 if higher_is_better else -1)
    worse, better = (p / 2, 1 - p / 2) if gain < 0 else (1 - p / 2, p / 2)
    if gain == 0:
        worse = better = 1.0
    return Change(
        cell=cell,
        metric=metric,
        unit=unit,
        higher_is_better=higher_is_better,
        now=now,
        before=before,
        ci95=ci95,
        p_worse=worse,
        p_better=better,
        exact=exact,
    )


def _joined(samples: Sequence[Sample]) -> Sample:
    return Sample(
        utterances=samples[0].utterances,
        above=np.concatenate([sample.above for sample in samples]),
        below=np.concatenate([sample.below for sample in samples]),
        speakers=samples[0].speakers,
    )
