"""`confusion`: which answer was taken for which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from bench.errors import DataError, UsageError
from reports.bodies import bodies, by_task
from reports.figures.panel import Figure, Matrix
from reports.reading import LeftOut, Run, finished, unfinished
from reports.rows import Rows
from reports.run_files import ConfusionCell, confusion

MOST_RUNS = 6
MOST_LABELS = 40


def confusion_matrices(runs: Sequence[Run]) -> Figure:
    """A matrix a run and slot.

    Raises:
        UsageError: if there are no matrices, or so many that nobody could read them.
    """
    left_out = unfinished(runs)
    shown: list[tuple[Run, list[ConfusionCell]]] = []
    for run in finished(runs):
        try:
            cells = confusion(run.folder)
        except DataError as error:
            left_out.append(LeftOut(str(run.folder), str(error)))
            continue
        if cells:
            shown.append((run, cells))
        else:
            left_out.append(LeftOut(str(run.folder), "has no confusion.json: only label tasks do"))
    if not shown:
        raise UsageError(
            "no run has a confusion matrix (confusion.json in its folder)",
            hint="what fits: folders of runs of label tasks, such as ks",
        )
    if len(shown) > MOST_RUNS:
        raise UsageError(
            f"{len(shown)} runs have confusion matrices; a figure holds {MOST_RUNS}",
            hint="name the runs: bench plot confusion runs/ks-prompt-...",
        )
    kept = [run for run, _ in shown]
    rows = Rows([group for same in by_task(kept).values() for group in bodies(same)])
    matrices = [
        matrix
        for run, cells in shown
        for matrix in matrices_of(
            cells,
            f"{run.record.task.name.upper()}: {rows.name(run.record)}, seed {run.record.seed}",
        )
    ]
    return Figure(
        panels=(),
        matrices=tuple(matrices),
        notes=("In per cent of the utterances with that right answer.",),
        left_out=tuple(left_out),
    )


def matrices_of(cells: Iterable[ConfusionCell], title: str) -> list[Matrix]:
    """A matrix for every slot; of many labels, the most frequent ones and the rest."""
    slots: defaultdict[str, list[ConfusionCell]] = defaultdict(list)
    for cell in cells:
        slots[cell.slot].append(cell)
    return [
        _matrix(own, f"{title}, {slot}" if len(slots) > 1 else title) for slot, own in slots.items()
    ]


def _matrix(cells: Sequence[ConfusionCell], title: str) -> Matrix:
    said: defaultdict[str, int] = defaultdict(int)
    for cell in cells:
        said[cell.reference] += cell.n
        said[cell.hypothesis] += 0
    by_count = sorted(said, key=lambda label: (-said[label], label))
    labels = sorted(by_count[:MOST_LABELS], key=_in_order)
    if len(by_count) > MOST_LABELS:
        labels.append("(others)")
    place = {label: i for i, label in enumerate(labels)}
    counts = [[0] * len(labels) for _ in labels]
    for cell in cells:
        i, j = (place.get(label, len(labels) - 1) for label in (cell.reference, cell.hypothesis))
        counts[i][j] += cell.n
    return Matrix(title=title, labels=tuple(labels), counts=tuple(map(tuple, counts)))


def _in_order(label: str) -> tuple[bool, int, str]:
    """Numbers as numbers, before words."""
    is_number = label.isascii() and label.isdigit() and len(label) < 10
    return (not is_number, int(label) if is_number else 0, label)
