"""All files of the page, from a comparison and its runs.

Text of records reaches HTML through jinja2's autoescape or as JSON (`tojson`), which the scripts
show as text; file names are made here and hold nothing of a record but letters and digits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from bench.errors import UsageError
from reports.comparison import Comparison
from reports.figures.drawing import draw
from reports.figures.kinds import KINDS, figure
from reports.grid import grids, number, shortened, size_text, time_text, unit_of
from reports.metric_names import metric_name
from reports.page.board import board
from reports.page.run_page import run_page
from reports.page.scatter import scatters
from reports.reading import Run

CAPTIONS = {
    "parameters": "Quality against trained parameters",
    "cost": "Quality against training time",
    "few-shot": "Quality against training utterances a class",
    "prompt-length": "Quality against prompt length",
    "label-length": "Error rate against the length of the reference",
    "learning": "Learning curves",
}
"""The kinds of `bench plot` that the first page shows; a confusion matrix is on each run's."""


@dataclass(frozen=True)
class Site:
    """A folder to be written.

    Attributes:
        files: content by path inside the folder.
        copies: files elsewhere by path inside the folder.
    """

    files: dict[str, str | bytes] = field(default_factory=dict)
    copies: dict[str, Path] = field(default_factory=dict)


def build(comparison: Comparison, runs: Sequence[Run], n_clips: int = 20) -> Site:
    """The page of these runs.

    Args:
        comparison: the tables.
        runs: finished ones; each has a page.
        n_clips: test utterances a run whose sound is taken along, where it is at hand.
    """
    templates = Environment(
        loader=PackageLoader("reports.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "short": shortened,
        "bytes": size_text,
        "seconds": time_text,
        "number": number,
        "metric": metric_name,
        "unit": unit_of,
    }
    site = Site()
    for file in files("reports.page").joinpath("static").iterdir():
        site.files[f"static/{file.name}"] = file.read_bytes()
    drawn = _figures(runs, site)
    pages = [run_page(run, _slug(i, run), n_clips) for i, run in enumerate(runs)]
    for page in pages:
        site.copies.update(page.copies)
        site.files[f"runs/{page.slug}.html"] = templates.get_template("run.html.j2").render(
            page=page, record=page.run.record, root="../"
        )
    slugs = {str(page.run.folder): page.slug for page in pages}
    site.files["index.html"] = templates.get_template("index.html.j2").render(
        boards=[board(comparison, i, grid, slugs) for i, grid in enumerate(grids(comparison))],
        left_out=comparison.left_out,
        pages=pages,
        figures=drawn,
        scatters=scatters(comparison),
        root="",
    )
    return site


def _figures(runs: Sequence[Run], site: Site) -> list[dict[str, str]]:
    """Draws the kinds that these runs fit."""
    drawn = []
    for kind, caption in CAPTIONS.items():
        assert kind in KINDS
        try:
            shown = figure(kind, runs)
        except UsageError:
            continue
        site.files[f"figures/{kind}.svg"] = draw(shown, "svg")
        site.files[f"figures/{kind}.pdf"] = draw(shown, "pdf")
        drawn.append({"kind": kind, "caption": caption})
    return drawn


def _slug(i: int, run: Run) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", "-", run.folder.name).strip("-")[:80]
    return f"{i + 1:04}-{words}" if words else f"{i + 1:04}"
