"""SUPERB's metrics of slot filling: slot type F1 and slot value CER.

Source: SUPERB (Yang et al. 2021), as s3prl 0.4.18 computes them, except that a value may hold `:`
and `;` (s3prl crashes), no reference with a slot is a CER of 0 (s3prl divides by zero), and s3prl's
cap is left out (it takes a value over 100 times too long for an absent one). As published, a slot
that is said more often than it should be costs nothing, and each reference value is held against
the hypothesis value nearest to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein

from tasks.metrics.metric import Answers, Floats, Metric, ratio
from tasks.slot_text import Slot, slots_in
from tasks.spec import TaskSpec


def type_statistics(references: Answers, hypotheses: Answers, task: TaskSpec) -> Floats:
    """(n, 2): F1 between the sets of slot types (1 if both are empty), and 1."""
    del task
    f1 = [
        _type_f1({slot.type for slot in reference}, {slot.type for slot in hypothesis})
        for reference, hypothesis in _slots(references, hypotheses)
    ]
    return np.stack([np.array(f1, dtype=np.float64), np.ones(len(f1))], axis=1)


def value_statistics(references: Answers, hypotheses: Answers, task: TaskSpec) -> Floats:
    """(n, 2): character errors in slot values, characters of reference values."""
    del task
    rows = [_value_errors(*slots) for slots in _slots(references, hypotheses)]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def _slots(references: Answers, hypotheses: Answers) -> list[tuple[list[Slot], list[Slot]]]:
    return [
        (
            slots_in(reference, without_inner_tags=False),
            slots_in(hypothesis, without_inner_tags=True),
        )
        for reference, hypothesis in zip(references, hypotheses, strict=True)
    ]


def _type_f1(reference: set[str], hypothesis: set[str]) -> float:
    if not reference and not hypothesis:
        return 1.0
    return 2 * len(reference & hypothesis) / (len(reference) + len(hypothesis))


def _value_errors(reference: Sequence[Slot], hypothesis: Sequence[Slot]) -> tuple[int, int]:
    said: defaultdict[str, list[str]] = defaultdict(list)
    for slot in hypothesis:
        said[slot.type].append(slot.value)
    errors = sum(
        min(Levenshtein.distance(slot.value, value) for value in said.get(slot.type, [""]))
        for slot in reference
    )
    return errors, sum(len(slot.value) for slot in reference)


SLOT_TYPE_F1 = Metric(
    name="slot_type_f1",
    unit="fraction",
    higher_is_better=True,
    statistics=type_statistics,
    value=ratio,
)

SLOT_VALUE_CER = Metric(
    name="slot_value_cer",
    unit="fraction",
    higher_is_better=False,
    statistics=value_statistics,
    value=ratio,
)
