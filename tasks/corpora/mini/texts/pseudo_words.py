"""Words that do not exist but could: a chain of letters, each by the two before it.

Speech to pretrain on needs more of a language's sounds in more orders than a few lists of words
have; sentences of pseudo-words have them, and nothing that a task asks for.
"""

from __future__ import annotations

from collections.abc import Iterable

from tasks.corpora.mini.draw import Draw

_EDGE = " "
_LONGEST = 12  # letters


class PseudoWords:
    """The words of one language.

    Args:
        words: that exist.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._following: dict[str, list[str]] = {}
        for word in sorted(set(words)):
            before = _EDGE * 2
            for letter in [*word, _EDGE]:
                self._following.setdefault(before, []).append(letter)
                before = before[1] + letter

    def word(self, draw: Draw) -> str:
        """A word of 2 letters at least."""
        while True:
            said, before = "", _EDGE * 2
            while len(said) < _LONGEST:
                letter = draw.choice(self._following[before])
                if letter == _EDGE:
                    break
                said, before = said + letter, before[1] + letter
            if len(said) > 1:
                return said
