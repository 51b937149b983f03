"""The table of formats."""

from __future__ import annotations

from bench.check.formats.github import github
from bench.check.formats.junit import junit
from bench.check.formats.markdown import markdown
from bench.check.formats.terminal import terminal
from bench.check.outcome import Outcome
from bench.errors import UnknownNameError

_KINDS = {"terminal": terminal, "markdown": markdown, "junit": junit, "github": github}


def render(outcome: Outcome, kind: str) -> str:
    """An outcome in one of the formats.

    Raises:
        UnknownNameError: if there is no such format.
    """
    if kind not in _KINDS:
        raise UnknownNameError("format", kind, _KINDS)
    return _KINDS[kind](outcome)
