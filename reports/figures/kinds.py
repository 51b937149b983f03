"""The visible table of figures; a light import."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from reports.figures.panel import Figure
    from reports.reading import Run

KINDS = {
    "parameters": "reports.figures.by_size:parameters",
    "cost": "reports.figures.by_size:cost",
    "few-shot": "reports.figures.few_shot:few_shot",
    "prompt-length": "reports.figures.by_size:prompt_length",
    "learning": "reports.figures.learning:learning",
    "confusion": "reports.figures.confusion:confusion_matrices",
    "label-length": "reports.figures.label_length:label_length",
}


def figure(kind: str, runs: Sequence[Run]) -> Figure:
    """What the figure of this kind shows of these runs.

    Raises:
        UsageError: if no run fits the kind.
    """
    module, _, name = KINDS[kind].partition(":")
    build = cast(
        "Callable[[Sequence[Run]], Figure]", getattr(importlib.import_module(module), name)
    )
    return build(runs)
