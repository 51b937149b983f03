"""Which unit sounds like which label: co-occurrence along utterances that are not aligned.

A character stands for a sound at about its own place in the utterance. A lexical translation model
(labels as translations of units) with a preference for equal relative places is fitted by
expectation maximisation; then each label takes a unit of its own so that all fit together as well
as can be.

Source: IBM model 1 (Brown et al. 1993) with the diagonal of fast_align (Dyer et al. 2013);
`scipy.optimize.linear_sum_assignment`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ITERATIONS = 8
SHARPNESS = 12.0
"""Of the diagonal: a place a tenth of the utterance away is e^1.2 times less likely."""


def aligned_units(
    units: Sequence[NDArray[np.int32]],
    labels: Sequence[NDArray[np.int64]],
    n_units: int,
    n_labels: int,
) -> NDArray[np.int64]:
    """A unit for each label, all different.

    Args:
        units: of each utterance, (n,).
        labels: of each utterance, (m,) label ids.
        n_units: units there are.
        n_labels: labels there are, at most n_units.

    Returns:
        (n_labels,) int64.
    """
    from scipy.optimize import linear_sum_assignment

    counts = expected_counts(units, labels, n_units, n_labels) + 1e-3
    share = counts / counts.sum()
    independent = share.sum(axis=1, keepdims=True) * share.sum(axis=0, keepdims=True)
    # Labels weigh as much as they are used; a unit must be typical of its label.
    worth = np.sqrt(share) * np.log(share / independent)
    chosen, found = linear_sum_assignment(-worth)
    rows = np.empty(n_labels, np.int64)
    rows[chosen] = found
    return rows


def expected_counts(
    units: Sequence[NDArray[np.int32]],
    labels: Sequence[NDArray[np.int64]],
    n_units: int,
    n_labels: int,
) -> NDArray[np.float64]:
    """How often each label stands for each unit, (n_labels, n_units); see `aligned_units`."""
    emits = np.full((n_units, n_labels), 1.0 / n_labels)
    counts = np.zeros((n_labels, n_units))
    for _ in range(ITERATIONS):
        counts[:] = 0.0
        for u, y in zip(units, labels, strict=True):
            if not len(u) or not len(y):
                continue
            weights = emits[u][:, y].T * _nearness(len(y), len(u))
            weights /= weights.sum(axis=1, keepdims=True)
            np.add.at(counts, (y[:, None], u[None, :]), weights)
        emits = (counts.T + 0.01) / (counts.T + 0.01).sum(axis=1, keepdims=True)
    return counts


def _nearness(n_labels: int, n_units: int) -> NDArray[np.float64]:
    """How well places of labels and units go together, (n_labels, n_units), 1 at the best.

    Not kept between passes: of a long corpus all of them would take gigabytes.
    """
    label_places = (np.arange(n_labels) + 0.5) / n_labels
    unit_places = (np.arange(n_units) + 0.5) / n_units
    near: NDArray[np.float64] = np.exp(-SHARPNESS * np.abs(label_places[:, None] - unit_places))
    return near
