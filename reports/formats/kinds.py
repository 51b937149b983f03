"""The visible table of formats; a light import."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.grid import What

FORMATS = {
    "terminal": "reports.formats.terminal:terminal",
    "markdown": "reports.formats.markdown:markdown",
    "latex": "reports.formats.latex:latex",
    "csv": "reports.formats.long:as_csv",
    "json": "reports.formats.long:as_json",
    "parquet": "reports.formats.long:as_parquet",
}
"""Each is a function of a comparison and what to show of a cell; `html` is a folder (`page`)."""


def render(comparison: Comparison, kind: str, whats: Sequence[What]) -> str | bytes:
    """The comparison in one of the formats; text ends in a newline.

    Raises:
        MissingError: if the format needs an extra that is not installed.
    """
    module, _, name = FORMATS[kind].partition(":")
    made = cast(
        "Callable[[Comparison, Sequence[What]], str | bytes]",
        getattr(importlib.import_module(module), name),
    )
    return made(comparison, whats)
