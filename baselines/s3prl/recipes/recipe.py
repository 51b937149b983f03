"""What a recipe is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

MOST_PASSES = 200
"""However small a training set is."""


class Training(NamedTuple):
    """What is trained how long.

    Attributes:
        search: learning rates tried on validation where none is given.
        max_epochs: passes over the training set at most.
        batch_utterances: utterances a step.
        steps: over a small training set there are more passes, until they make as many steps.
    """

    search: tuple[float, ...]
    max_epochs: int
    batch_utterances: int = 32
    steps: int = 0

    def passes(self, n_utterances: int, batch_utterances: int) -> int:
        """Passes at most over so many utterances, in batches of so many."""
        steps_a_pass = -(-n_utterances // batch_utterances)
        wanted = -(-self.steps // max(1, steps_a_pass))
        return max(self.max_epochs, min(wanted, MOST_PASSES))


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How SUPERB trains a task, and what this project sets where SUPERB leaves it open.

    Attributes:
        gain_db: the waveform is scaled by it before the upstream.
        superb: of SUPERB's head.
        small: of the smaller head; None if there is none.
        clip_norm: of the gradient of all trained parameters together.
    """

    gain_db: float = 0.0
    superb: Training
    small: Training | None = None
    clip_norm: float = 1.0
