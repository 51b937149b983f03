"""Which runs are replicates of one another: seeds are, the same seed run again is not.

A run repeated in another precision, on another device or in another folder draws the same initial
weights and the same batches. It says next to nothing about other seeds, so it is averaged with the
first one before anything is counted.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from reports.reading import Run


def replicates(runs: Iterable[Run]) -> list[list[Run]]:
    """Runs in groups of equal seed, method, options and model, by the seed."""
    groups: defaultdict[str, list[Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.record.seed):
        record = run.record
        model = record.model.fingerprint if record.model is not None else None
        parts = [record.seed, record.method.name, record.method.options, model]
        groups[json.dumps(parts, sort_keys=True)].append(run)
    return list(groups.values())


def mean_over(groups: Sequence[Sequence[Run]], value: Callable[[Run], float]) -> float:
    """The mean over replicates of the means over their runs; it does not overflow."""
    return sum(mean / len(groups) for mean in means_of(groups, value))


def means_of(groups: Sequence[Sequence[Run]], value: Callable[[Run], float]) -> list[float]:
    """The mean of each replicate."""
    return [sum(value(run) / len(group) for run in group) for group in groups]
