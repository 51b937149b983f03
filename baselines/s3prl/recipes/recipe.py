"""What a recipe is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

HeadName = Literal["superb", "small", "recurrent"]
"""`superb`: SUPERB's own for the task; `small`: that of ASR and SF with fewer weights; `recurrent`:
the layers of `small` for labels, which SUPERB reads from a mean over time."""
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


SMALL = Training(search=(1e-3,), max_epochs=40, batch_utterances=8, steps=3200)
"""Of the smaller recurrent layers, in every task."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How SUPERB trains a task, and what this project sets where SUPERB leaves it open.

    Attributes:
        gain_db: the waveform is scaled by it before the upstream.
        heads: what there is to read the task with, and how each is trained.
        clip_norm: of the gradient of all trained parameters together.
    """

    gain_db: float = 0.0
    heads: Mapping[HeadName, Training]
    clip_norm: float = 1.0
