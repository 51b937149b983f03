from __future__ import annotations

import io
from itertools import combinations

import matplotlib as mpl
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from reports.figures.drawing import COLOURS, draw, lay_out
from reports.figures.panel import Figure, Panel, Point, Series


def at(x: float | None, y: float, n_runs: int = 1) -> Point:
    return Point(x=x, y=y, low=y - 5, high=y + 5, n_runs=n_runs)


def series(name: str, *places: tuple[float | None, float]) -> Series:
    return Series(name=name, points=tuple(at(x, y) for x, y in places))


def panel(title: str = "KS", note: str | None = None, end: str | None = None) -> Panel:
    last: list[tuple[float | None, float]] = [(None, 95)] if end else []
    return Panel(
        title=title,
        x_label="Trained parameters",
        y_label="Accuracy (%, higher is better)",
        scale="log",
        series=(series("prompt on $g", (10, 60), (500, 90), *last), series("bag", (500, 94))),
        levels=(series("majority", (None, 8)),),
        note=note,
        end=end,
    )


def figure(*panels: Panel) -> Figure:
    return Figure(panels=panels, notes=("Bars: 95 % bootstrap interval.",))


@pytest.mark.parametrize(
    ("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_equal_figures_are_equal_files_whatever_the_readers_settings(
    form: str, start: bytes
) -> None:
    first = draw(figure(panel(end="all")), form)
    assert first.startswith(start)
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 30}):
        assert draw(figure(panel(end="all")), form) == first
        assert mpl.rcParams["font.size"] == 30


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_everything_lies_inside_and_the_legend_outside_the_data(n: int) -> None:
    note = "another content of corpus 'ks' (aaaaaaaa, not bbbbbbbb); which do not compare"
    canvas = lay_out(figure(*(panel(f"T{i}", note if i % 2 else None) for i in range(n))))
    canvas.draw_without_rendering()
    assert len(canvas.axes) == n
    (legend,) = canvas.legends
    box = legend.get_window_extent()
    (notes,) = canvas.texts
    page = canvas.bbox
    assert page.x0 <= box.x0 < box.x1 <= page.x1
    assert box.y0 >= notes.get_window_extent().y1
    for axes in canvas.axes:
        whole = axes.get_tightbbox()
        assert whole is not None
        assert not whole.overlaps(box)
        assert page.x0 <= whole.x0 < whole.x1 <= page.x1
        assert whole.y1 <= page.y1
    for a, b in combinations(canvas.axes, 2):
        one, other = a.get_tightbbox(), b.get_tightbbox()
        assert one is not None
        assert other is not None
        assert not one.overlaps(other)


def test_all_bars_and_levels_lie_within_the_axes() -> None:
    (axes,) = lay_out(figure(panel(end="all"))).axes
    low, high = axes.get_ylim()
    assert low < 3
    assert high > 100
    left, right = axes.get_xlim()
    assert left < 10
    assert right > 500
    labels = {tick: axes.xaxis.get_major_formatter()(tick) for tick in axes.get_xticks()}
    assert "all" in labels.values()
    assert max(labels, key=float) > 500


def test_rows_differ_in_marker_as_well_as_colour_and_a_level_has_none() -> None:
    many = Panel(
        title="KS",
        x_label="x",
        y_label="y",
        scale="log",
        series=tuple(series(f"row {i:02d}", (10 + i, 50)) for i in range(20)),
        levels=(series("majority", (None, 8)),),
    )
    (legend,) = lay_out(figure(many)).legends
    looks = [(line.get_color(), line.get_marker()) for line in legend.get_lines()]
    assert len(set(looks)) == 21
    assert looks[-1][1] == ""
    assert [text.get_text() for text in legend.get_texts()][-1] == "majority"


def test_colours_are_dark_enough_for_lines_on_white() -> None:
    for colour in COLOURS:
        red, green, blue = to_rgb(colour)
        assert 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.72


def test_a_prompt_of_length_0_has_a_place() -> None:
    zero = Panel(
        title="KS",
        x_label="Prompt length",
        y_label="y",
        scale="symlog",
        series=(series("prompt", (0, 10), (5, 50)),),
        ticks=(0, 5),
    )
    (axes,) = lay_out(figure(zero)).axes
    assert axes.get_xlim()[0] < 0
    picture = imread(io.BytesIO(draw(figure(zero), "png")))
    assert picture.shape[1] == round(200 * 5.4)
    assert picture.min() < 0.5 < picture.max()
