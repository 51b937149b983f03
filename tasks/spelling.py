"""A text as symbols, one a character with `|` between words, and back."""

from __future__ import annotations

from collections.abc import Sequence

from bench.errors import DataError

SPACE = "|"
"""The symbol between two words."""


def is_tag(symbol: str) -> bool:
    """Whether a symbol opens or closes a slot (`B-city`, `E-city`); a character never does."""
    return len(symbol) > 2 and symbol[:2] in ("B-", "E-")


def spell(text: str) -> tuple[str, ...]:
    """The symbols of a text; runs of white space count as one space.

    Raises:
        DataError: if the text is empty or holds `|`.
    """
    words = text.split()
    if not words:
        raise DataError("the text is empty", hint="every utterance needs its answer")
    if SPACE in text:
        raise DataError(f"the text holds {SPACE!r}, which stands for the space between words")
    return tuple(SPACE.join(words))


def unspell(symbols: Sequence[str]) -> str:
    """The text that symbols spell. Tags stand as words of their own, spaces never double."""
    parts = (
        " " if symbol == SPACE else f" {symbol} " if is_tag(symbol) else symbol
        for symbol in symbols
    )
    return " ".join("".join(parts).split())
