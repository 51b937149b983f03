"""Macro F1: the mean over classes of F1. A class is a whole answer; for IC, an intent.

The mean runs over the classes that the references show (scikit-learn's `f1_score` with
`labels=` these). An answer that is no class, such as three slots that never go together, costs the
class it should have been its recall and does not count as a class of its own.
"""

from __future__ import annotations

import numpy as np

from tasks.metrics.metric import Answers, Floats, Metric
from tasks.spec import TaskSpec


def statistics(references: Answers, hypotheses: Answers, task: TaskSpec) -> Floats:
    """(n, 3 * classes): for each class in turn right, in the reference, in the hypothesis."""
    del task
    classes = {answer: i for i, answer in enumerate(sorted(set(references)))}
    table = np.zeros((len(references), len(classes), 3))
    for row, reference, hypothesis in zip(table, references, hypotheses, strict=True):
        row[classes[reference], 1] = 1.0
        if hypothesis in classes:
            row[classes[hypothesis], 2] = 1.0
        if hypothesis == reference:
            row[classes[reference], 0] = 1.0
    return table.reshape(len(references), 3 * len(classes))


def value(sums: Floats) -> Floats:
    """Mean F1 of the classes that occur in the references; 0 if none does.

    Args:
        sums: (..., 3 * classes).

    Returns:
        (...).
    """
    by_class = sums.reshape(*sums.shape[:-1], -1, 3)
    right, said, heard = by_class[..., 0], by_class[..., 1], by_class[..., 2]
    occurs = said > 0
    f1 = np.where(occurs, 2 * right / np.maximum(said + heard, 1.0), 0.0)
    mean: Floats = f1.sum(axis=-1) / np.maximum(occurs.sum(axis=-1), 1)
    return mean


MACRO_F1 = Metric(
    name="macro_f1",
    unit="fraction",
    higher_is_better=True,
    statistics=statistics,
    value=value,
)
