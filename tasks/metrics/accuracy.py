"""Accuracy: the share of utterances whose whole answer is right; for IC, all three slots."""

from __future__ import annotations

import numpy as np

from tasks.metrics.metric import Answers, Floats, Metric, ratio
from tasks.spec import TaskSpec


def statistics(references: Answers, hypotheses: Answers, task: TaskSpec) -> Floats:
    """(n, 2): whether the answer is right, and 1."""
    del task
    right = [r == h for r, h in zip(references, hypotheses, strict=True)]
    return np.stack([np.array(right, dtype=np.float64), np.ones(len(right))], axis=1)


ACCURACY = Metric(
    name="accuracy",
    unit="fraction",
    higher_is_better=True,
    statistics=statistics,
    value=ratio,
)
