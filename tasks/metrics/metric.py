"""What a metric is.

A metric is computed in two steps: statistics of each utterance, then a value of their weighted
sum. The second step never sees an utterance, so a bootstrap over any resampling of utterances is
one matrix product: (resamples, utterances) weights times (utterances, k) statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tasks.spec import TaskSpec

Floats: TypeAlias = NDArray[np.float64]
Answers: TypeAlias = Sequence[tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A metric of answers.

    Args:
        name: as in records.
        unit: `fraction`: values are 0..1 (an error rate may pass 1), never percent.
        higher_is_better: the direction.
        statistics: (references, hypotheses, task) -> (n, k) float64, one row an utterance. Of
            two runs on the same references the columns mean the same.
        value: (..., k) sums of rows -> (...) values; defined for every sum, zero included.
    """

    name: str
    unit: str
    higher_is_better: bool
    statistics: Callable[[Answers, Answers, TaskSpec], Floats]
    value: Callable[[Floats], Floats]


def ratio(sums: Floats) -> Floats:
    """First column over second; a second below 1 counts as 1.

    So an error rate over no words is the number of errors (as jiwer has it), and a mean over no
    utterances is 0.

    Args:
        sums: (..., 2).

    Returns:
        (...).
    """
    quotient: Floats = sums[..., 0] / np.maximum(sums[..., 1], 1.0)
    return quotient
