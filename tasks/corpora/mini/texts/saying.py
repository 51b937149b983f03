"""One thing to be said, and the answer to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Answer = Mapping[str, object]
"""The answer's fields of a manifest row: `label`, `labels`, `text`, or `text` and `slots`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Saying:
    """What one utterance says.

    Attributes:
        spoken: the text for the synthesiser; empty for a recording of the background alone.
        answer: fields of the manifest row.
        language: of the text.
    """

    spoken: str
    answer: Answer
    language: str = "en"


def words_of(pattern: str, values: Mapping[str, str]) -> str:
    """A pattern with its `{name}`s filled in and its spaces put right."""
    return " ".join(pattern.format(**values).split())
