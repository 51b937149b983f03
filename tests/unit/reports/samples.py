"""Samples of simulated runs: right or wrong answers of several seeds."""

from __future__ import annotations

import numpy as np

from bench.resampling import Floats
from reports.per_utterance import Sample


def sample(right: Floats, speakers: tuple[int, ...] | None = None) -> Sample:
    """Of (runs, n) zeros and ones."""
    return Sample(utterances="u", above=right, below=np.ones_like(right), speakers=speakers)


class World:
    """Answers are right by chance: some utterances are easy, some seeds lucky."""

    def __init__(self, seed: int, *, of_utterances: float, of_seeds: float) -> None:
        self._random = np.random.default_rng(seed)
        self._of_utterances, self._of_seeds = of_utterances, of_seeds

    def truth(self) -> float:
        """The accuracy over all utterances and seeds there could be."""
        spread = np.hypot(self._of_utterances, self._of_seeds)
        return float(_chance(np.random.default_rng(0).normal(1, spread, 1_000_000)).mean())

    def rows(self, n_rows: int, runs: int, n: int) -> list[Sample]:
        """Rows of equal quality on the same utterances."""
        easy = self._random.normal(1, self._of_utterances, n)
        made = []
        for _ in range(n_rows):
            lucky = self._random.normal(0, self._of_seeds, (runs, 1))
            right = self._random.random((runs, n)) < _chance(easy + lucky)
            made.append(sample(right.astype(np.float64)))
        return made


def _chance(x: Floats) -> Floats:
    chance: Floats = 1 / (1 + np.exp(-x))
    return chance
