"""What a figure shows, as numbers and words; drawing it is `drawing`'s part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.records import Record, Score
from reports.cells import cell_of
from reports.metric_names import metric_name
from reports.reading import LeftOut, Run


@dataclass(frozen=True, kw_only=True)
class Point:
    """One or several runs.

    Attributes:
        x: None: at the right end, beyond the axis (the whole training set).
        y: in the panel's unit (per cent for fractions); the mean over runs.
        low: lower end of the bar.
        high: upper end of the bar.
        n_runs: of which y is the mean; runs of one seed count once.
    """

    x: float | None
    y: float
    low: float
    high: float
    n_runs: int


@dataclass(frozen=True, kw_only=True)
class Series:
    """The points of one row, by x; without points it still has its place in the legend."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One task on one body of data.

    Attributes:
        levels: what has no place on the x axis: a horizontal line each (x is None).
        end: what the right end means, if a point lies there.
        front: (x, y) of the points that no other point beats in both directions, by x.
        note: why this is a panel of its own, or what is missing in it.
    """

    title: str
    x_label: str
    y_label: str
    scale: Literal["linear", "log", "symlog"]
    series: tuple[Series, ...]
    levels: tuple[Series, ...] = ()
    ticks: tuple[float, ...] | None = None
    end: str | None = None
    front: tuple[tuple[float, float], ...] = ()
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """A confusion matrix: `counts[i][j]` answers `labels[j]` where `labels[i]` was right."""

    title: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Panels side by side with one legend, or matrices.

    Attributes:
        notes: lines below the panels.
        left_out: runs that are not shown: (folder, why).
    """

    panels: tuple[Panel, ...]
    matrices: tuple[Matrix, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def point(runs: Sequence[Run], x: float | None) -> Point:
    """The point of runs that differ in the seed only."""
    cell = cell_of(runs)
    scale = percent(runs[0].score)
    low, high = cell.ci95
    n_runs = len(cell.seeds)
    return Point(x=x, y=scale * cell.value, low=scale * low, high=scale * high, n_runs=n_runs)


def by_x(runs: Sequence[Run], x_of: Callable[[Record], float]) -> dict[float, list[Run]]:
    """Runs by their place on the x axis, ascending."""
    placed: dict[float, list[Run]] = {}
    for run in sorted(runs, key=lambda run: x_of(run.record)):
        placed.setdefault(x_of(run.record), []).append(run)
    return placed


def percent(score: Score) -> float:
    """What a score is multiplied with to be shown."""
    return 100.0 if score.unit == "fraction" else 1.0


def y_label(run: Run) -> str:
    """Of the metric, with its unit and which way is better."""
    score = run.score
    unit = "%" if score.unit == "fraction" else score.unit
    better = "higher" if score.higher_is_better else "lower"
    name = metric_name(run.shown)
    return f"{name[0].upper()}{name[1:]} ({unit}, {better} is better)"


def bars(panels: Sequence[Panel]) -> str:
    """What the bars of these panels mean."""
    counts = {
        point.n_runs
        for panel in panels
        for series in (*panel.series, *panel.levels)
        for point in series.points
    }
    meanings = []
    if 1 in counts:
        meanings.append("95 % interval over the test set (one run)")
    several = sorted(counts - {1})
    if several:
        n = f"{several[0]}" if len(several) == 1 else f"{several[0]} to {several[-1]}"
        meanings.append(f"95 % interval of the mean over test set and seeds ({n} runs)")
    return f"Bars: {'; '.join(meanings)}."


def front(series: Sequence[Series], *, higher_is_better: bool) -> tuple[tuple[float, float], ...]:
    """The Pareto front: places that no point with a smaller or equal x is as good as."""
    sign = 1 if higher_is_better else -1
    places = sorted(
        ((p.x, p.y) for one in series for p in one.points if p.x is not None),
        key=lambda place: (place[0], -sign * place[1]),
    )
    kept: list[tuple[float, float]] = []
    for x, y in places:
        if not kept or sign * y > sign * kept[-1][1]:
            kept.append((x, y))
    return tuple(kept)
