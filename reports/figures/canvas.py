"""An empty figure: a grid of axes, and notes below it."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas


def new_canvas(width: float, height: float, below: float, *, padding: float) -> Canvas:
    """A canvas whose axes keep clear of its lower edge.

    Args:
        width: inches.
        height: inches.
        below: inches at the lower edge for what is not axes.
        padding: inches around every axes.
    """
    canvas = Canvas(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(canvas)
    engine = canvas.get_layout_engine()
    assert engine is not None
    bottom = below / height
    rect = (0.005, bottom, 0.99, 1 - bottom - 0.01)
    engine.set(rect=rect, w_pad=padding, h_pad=padding)  # type: ignore[call-arg]
    return canvas


def grid_of(canvas: Canvas, n: int, n_columns: int) -> list[Axes]:
    """The first `n` axes of a grid, row by row; the rest of its last row stays empty."""
    grid = list(canvas.subplots(-(-n // n_columns), n_columns, squeeze=False).flat)
    for axes in grid[n:]:
        axes.remove()
    return grid[:n]


def write_notes(canvas: Canvas, lines: Sequence[str]) -> None:
    """Lines in small print in the lower left corner."""
    canvas.text(
        *(0.08 / canvas.get_figwidth(), 0.06 / canvas.get_figheight()),
        "\n".join(lines),
        fontsize=7,
        color="#404040",
        va="bottom",
        linespacing=1.4,
    )
