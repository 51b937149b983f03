"""Random choices that come out the same everywhere and forever.

Built on SHA-256 alone: neither numpy's distributions nor Python's `random.choice` promise the same
stream in the next version.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from bench.random import derive
from tasks.corpora.corpus import SplitName

SEED = 2024
"""Of the whole corpus. Another seed is another corpus."""

T = TypeVar("T")


class Draw:
    """Draws for one purpose.

    Args:
        names: the purpose; draws of another purpose do not disturb these.
    """

    def __init__(self, *names: str | int) -> None:
        self._names = names
        self._drawn = 0

    def below(self, n: int) -> int:
        """An integer of 0 to n - 1."""
        self._drawn += 1
        return derive(SEED, *self._names, self._drawn) % n

    def between(self, low: int, high: int) -> int:
        """An integer of low to high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """True in `percent` of 100 cases."""
        return self.below(100) < percent

    def choice(self, among: Sequence[T]) -> T:
        """One of a sequence."""
        return among[self.below(len(among))]

    def shuffled(self, among: Sequence[T]) -> list[T]:
        """All of a sequence in random order."""
        rest = list(among)
        for i in range(len(rest) - 1, 0, -1):
            j = self.below(i + 1)
            rest[i], rest[j] = rest[j], rest[i]
        return rest


_SHARES: dict[SplitName, range] = {
    "train": range(70),
    "valid": range(70, 80),
    "test": range(80, 100),
}


def belongs_to(text: str, split: SplitName) -> bool:
    """Whether a split may use a text: a fixed partition, by the text alone.

    So a sentence of one split never stands in another.
    """
    return derive(SEED, "share", text) % 100 in _SHARES[split]
