"""Which answer was taken for which, slot by slot."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from bench.errors import UsageError
from tasks.metrics.metric import Answers
from tasks.spec import TaskSpec


class ConfusionRow(NamedTuple):
    """One cell of a confusion matrix that is not zero; `_asdict()` is what a file holds."""

    slot: str
    reference: str
    hypothesis: str
    n: int


def confusion(task: TaskSpec, references: Answers, hypotheses: Answers) -> list[ConfusionRow]:
    """The confusion matrix of every slot, right answers included.

    Args:
        task: a task of labels.
        references: (n,) right answers, one symbol a slot.
        hypotheses: (n,) given answers, one symbol a slot.

    Returns:
        Cells in the order of the task's slots, then by reference, the most frequent hypothesis
        first.

    Raises:
        UsageError: if the task's answers are texts.
    """
    if task.is_sequence:
        raise UsageError(f"{task.name} answers in texts, which have no confusion matrix")
    rows: list[ConfusionRow] = []
    for i, slot in enumerate(task.slots):
        cells = Counter((r[i], h[i]) for r, h in zip(references, hypotheses, strict=True))
        rows.extend(ConfusionRow(slot, r, h, n) for (r, h), n in cells.items())
    order = {slot: i for i, slot in enumerate(task.slots)}
    return sorted(rows, key=lambda row: (order[row.slot], row.reference, -row.n, row.hypothesis))
