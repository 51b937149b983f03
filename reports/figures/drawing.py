"""Draws a figure with matplotlib.

Colours are those of Okabe and Ito (2008), which colour-blind readers tell apart; every row also has
a marker and a line style of its own, so that the picture can be read in grey.
"""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation, Transform

from reports.figures.canvas import grid_of, new_canvas, write_notes
from reports.figures.matrix import lay_out_matrices
from reports.figures.panel import Figure, Panel, Point, Series
from reports.grid import shortened

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""Okabe and Ito's without yellow, which is too light for lines on white."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
LineStyle = Literal["-", "--", "-.", "none"] | tuple[float, Sequence[float]]

LINES: tuple[LineStyle, ...] = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (3, 1)))
LEVELS: tuple[LineStyle, ...] = (
    (0, (1, 1.2)),
    (0, (6, 2)),
    (0, (6, 2, 1, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
)

STYLE: dict[Any, object] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#E0E0E0",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "text.parse_math": False,  # a "$" in a name is a dollar sign
    "svg.fonttype": "path",
    "svg.hashsalt": "speechprompt-bench",
    "pdf.fonttype": 42,
}

_LONGEST = 90
_MOST_MARKERS = 25
"""Points of a row; longer lines have no markers."""

_FAR = 2.5
"""Levels further away than this many times the span of the points are named, not drawn."""

_METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}


class Look(NamedTuple):
    """How one row is drawn in every panel."""

    colour: str
    marker: str
    line: LineStyle


def draw(figure: Figure, form: str) -> bytes:
    """The picture as a file's content; equal figures give equal bytes.

    Args:
        figure: what to show.
        form: png, svg or pdf.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        # A box stands for a letter that the font lacks.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        mpl.rcdefaults()  # whatever a matplotlibrc of the reader says
        mpl.rcParams.update(STYLE)
        canvas = lay_out(figure)
        _shorten(canvas)
        content = io.BytesIO()
        canvas.savefig(content, format=form, dpi=200, metadata=_METADATA[form])
    return content.getvalue()


def _shorten(canvas: Canvas) -> None:
    """No control character reaches the file, and no name is wider than the picture."""
    for text in canvas.findobj(Text):
        assert isinstance(text, Text)
        lines = text.get_text().split("\n")
        text.set_text("\n".join(shortened(line, _LONGEST) for line in lines))


def lay_out(figure: Figure) -> Canvas:
    """Panels in a grid, below them the legend and then the notes."""
    if figure.matrices:
        return lay_out_matrices(figure)
    n_columns = 2 if len(figure.panels) == 4 else min(3, len(figure.panels))
    n_rows = -(-len(figure.panels) // n_columns)
    width = {1: 5.4, 2: 7.6, 3: 10.4}[n_columns]
    looks = _looks(figure.panels)
    longest = min(_LONGEST, max(map(len, looks)))
    legend_columns = max(1, min(len(looks), int(width / (0.55 + 0.075 * longest))))
    notes = [line for note in figure.notes for line in textwrap.wrap(note, int(width * 17))]
    legend_height = 0.185 * -(-len(looks) // legend_columns) + 0.16
    notes_height = 0.15 * len(notes) + 0.08
    n_note_lines = max(len(_note_lines(panel, width / n_columns)) for panel in figure.panels)
    panels_height = n_rows * (2.9 + 0.14 * n_note_lines)
    below = legend_height + notes_height
    height = panels_height + below
    canvas = new_canvas(width, height, below, padding=0.06)
    grid = grid_of(canvas, len(figure.panels), n_columns)
    for axes, panel in zip(grid, figure.panels, strict=True):
        _panel(axes, panel, looks, _note_lines(panel, width / n_columns))
    canvas.legend(
        handles=_handles(figure.panels, looks),
        loc="upper center",
        bbox_to_anchor=(0.5, below / height),
        ncols=legend_columns,
        borderaxespad=0.5,
        fontsize=8.5,
        handlelength=2.8,
    )
    write_notes(canvas, notes)
    return canvas


def _looks(panels: Sequence[Panel]) -> dict[str, Look]:
    """A look for every row; what is only ever a level comes last."""
    rows = sorted({series.name for panel in panels for series in panel.series})
    levels = sorted({level.name for panel in panels for level in panel.levels} - set(rows))
    looks = {
        name: Look(COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)], LINES[i % len(LINES)])
        for i, name in enumerate(rows)
    }
    for i, name in enumerate(levels):
        colour = COLOURS[-1 - i % len(COLOURS)]
        looks[name] = Look(colour, "", LEVELS[i % len(LEVELS)])
    return looks


def _panel(axes: Axes, panel: Panel, looks: dict[str, Look], note: Sequence[str]) -> None:
    places = [p.x for series in panel.series for p in series.points if p.x is not None]
    at_end = any(p.x is None for series in panel.series for p in series.points)
    end = _right_end(places) if at_end else None
    _x_axis(axes, panel, places, end)
    for level in panel.levels:
        look = looks[level.name]
        for p in level.points:
            axes.axhline(p.y, color=look.colour, linestyle=look.line, linewidth=1.3, zorder=2)
            axes.axhspan(p.low, p.high, color=look.colour, alpha=0.1, linewidth=0, zorder=1)
    if len(panel.front) > 1:
        axes.step(
            *zip(*panel.front, strict=True),
            where="post",
            color="#909090",
            linewidth=0.9,
            zorder=1.5,
        )
    sharing = _sharing(panel.series) if panel.scale != "linear" else []
    for series in panel.series:
        # Side by side where rows share a place, so that bars do not hide one another.
        shift = 3.2 * (sharing.index(series) - (len(sharing) - 1) / 2) if series in sharing else 0
        move = ScaledTranslation(shift / 72, 0, axes.figure.dpi_scale_trans)
        _series(axes, series, looks[series.name], end, axes.transData + move)
    _y_axis(axes, panel)
    axes.set_ylabel(panel.y_label)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    axes.set_title(panel.title, loc="left", pad=6 + 9.5 * len(note))
    axes.annotate(
        "\n".join(note),
        *((0, 1), (0, 4)),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=7,
        fontstyle="italic",
        color="#404040",
        va="bottom",
    )


def _y_axis(axes: Axes, panel: Panel) -> None:
    """Room for all points, and for levels unless they are so far away that they would hide them."""
    bars = [p for series in panel.series for p in series.points]
    low, high = min(p.low for p in bars), max(p.high for p in bars)
    span = high - low or 1.0
    far: dict[bool, list[str]] = {False: [], True: []}
    for level in panel.levels:
        for p in level.points:
            if max(low - p.y, p.y - high) > _FAR * span:
                far[p.y > high].append(f"{level.name}: {p.y:.1f}")
            else:
                low, high = min(low, p.low), max(high, p.high)
    room = 0.06 * (high - low) or 1.0
    for above, names in far.items():
        if names:
            axes.annotate(
                f"{'↑' if above else '↓'} {', '.join(names)}",
                (0.98, 0.97 if above else 0.03),
                xycoords="axes fraction",
                ha="right",
                va="top" if above else "bottom",
                fontsize=7,
                color="#404040",
            )
    beyond = 0.12 * (high - low) or 1.0
    axes.set_ylim(low - (beyond if far[False] else room), high + (beyond if far[True] else room))


def _x_axis(axes: Axes, panel: Panel, places: Sequence[float], end: float | None) -> None:
    low, high = min(places), max(places)
    if panel.scale == "log":
        axes.set_xscale("log")
        axes.set_xlim(low / 1.6, 1.6 * (end or high))
    elif panel.scale == "linear":
        room = 0.05 * (high - low) or 1.0
        axes.set_xlim(low - room, high + room)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.set_xlabel(panel.x_label)
        return
    else:
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(low - 0.3, 1.6 * high + 0.3)
    ticks = list(panel.ticks) if panel.ticks is not None else _round_numbers(*axes.get_xlim())
    labels = {tick: _short(tick) for tick in ticks}
    if end is not None:
        labels[end] = panel.end or "all"
        axes.axvline((max(places) * end) ** 0.5, color="#B0B0B0", linewidth=0.6, zorder=0)
    axes.xaxis.set_major_locator(FixedLocator(list(labels)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: labels.get(x, "")))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(panel.x_label)


def _right_end(places: Sequence[float]) -> float:
    """Where the whole training set lies: a good step beyond the last place of a log axis."""
    low, high = min(places), max(places)
    return high * max(2.0, math.pow(high / low, 0.22))


def _round_numbers(low: float, high: float) -> list[float]:
    """Powers of ten inside the limits, with 2 and 5 (or 3) times these where they are few."""
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 4, 5, 6, 8)):
        ticks = [
            float(f"{step}e{power}")
            for power in range(-3, 12)
            for step in steps
            if low <= float(f"{step}e{power}") <= high
        ]
        if len(ticks) >= 3:
            break
    return ticks


def _short(n: float) -> str:
    """10k for 10,000."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if n >= size:
            return f"{n / size:g}{letter}"
    return f"{n:g}"


def _sharing(series: Sequence[Series]) -> list[Series]:
    """The rows that have a point at the same place as another row."""
    rows_at = Counter(p.x for one in series for p in one.points)
    return [one for one in series if any(rows_at[p.x] > 1 for p in one.points)]


def _series(
    axes: Axes, series: Series, look: Look, end: float | None, transform: Transform
) -> None:
    def x_of(p: Point) -> float:
        place = end if p.x is None else p.x
        assert place is not None
        return place

    for a, b in pairwise(series.points):
        axes.plot(
            [x_of(a), x_of(b)],
            [a.y, b.y],
            color=look.colour,
            linestyle=look.line if b.x is not None else ":",
            linewidth=1.4 if b.x is not None else 0.9,
            transform=transform,
        )
    markers = look.marker if len(series.points) <= _MOST_MARKERS else ""
    for p in series.points:
        if not markers and p.low == p.high:
            continue
        axes.errorbar(
            [x_of(p)],
            [p.y],
            yerr=[[max(0.0, p.y - p.low)], [max(0.0, p.high - p.y)]],
            color=look.colour,
            marker=markers,
            markersize=5,
            markeredgecolor="white",
            markeredgewidth=0.4,
            elinewidth=1.1,
            capsize=2.5 if p.low < p.high else 0,
            transform=transform,
            zorder=3,
        )


def _handles(panels: Sequence[Panel], looks: dict[str, Look]) -> list[Line2D]:
    joined = {series.name for panel in panels for series in panel.series if len(series.points) > 1}
    return [
        Line2D(
            [],
            [],
            label=name,
            color=look.colour,
            marker=look.marker,
            markersize=5,
            markeredgecolor="white",
            markeredgewidth=0.4,
            linestyle=look.line if name in joined or not look.marker else "none",
            linewidth=1.4,
        )
        for name, look in looks.items()
    ]


def _note_lines(panel: Panel, width: float) -> list[str]:
    return textwrap.wrap(panel.note, int(width * 16)) if panel.note else []
