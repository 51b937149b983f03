"""Draws confusion matrices: shares of each right answer, from white to black-blue, with numbers."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from reports.figures.canvas import grid_of, new_canvas, write_notes
from reports.figures.panel import Figure, Matrix
from reports.grid import shortened

_MOST_NUMBERS = 16
_LONGEST = 18


def lay_out_matrices(figure: Figure) -> Canvas:
    """Matrices in a grid, notes below. One colour from light to dark, so it can be read in grey."""
    n = len(figure.matrices)
    n_columns = min(2, n)
    n_rows = -(-n // n_columns)
    most = max(len(matrix.labels) for matrix in figure.matrices)
    size = max(3.6, 1.7 + 0.33 * most)
    notes = [
        line for note in figure.notes for line in textwrap.wrap(note, int(n_columns * size * 17))
    ]
    below = 0.15 * len(notes) + 0.1
    canvas = new_canvas(n_columns * size, n_rows * size + below, below, padding=0.08)
    for axes, matrix in zip(grid_of(canvas, n, n_columns), figure.matrices, strict=True):
        _matrix(axes, matrix, size)
    write_notes(canvas, notes)
    return canvas


def _matrix(axes: Axes, matrix: Matrix, width: float) -> None:
    counts = np.array(matrix.counts, dtype=np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(matrix.labels))
    labels = [shortened(label, 100) for label in matrix.labels]
    names = [label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…" for label in labels]
    axes.set_xticks(places, names, rotation=90, fontsize=7)
    axes.set_yticks(places, names, fontsize=7)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.set_xlabel("Answer given")
    axes.set_ylabel("Right answer")
    title = textwrap.wrap(matrix.title, int(width * 10))
    axes.set_title("\n".join(title), loc="left", fontsize=9)
    if len(matrix.labels) > _MOST_NUMBERS:
        return
    for i in places:
        for j in places:
            if counts[i, j]:
                axes.text(
                    j,
                    i,
                    f"{100 * shares[i, j]:.0f}",
                    ha="center",
                    va="center",
                    fontsize=6,
                    color="white" if shares[i, j] > 0.5 else "black",
                )
