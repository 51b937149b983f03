"""What a recipe is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Training(NamedTuple):
    """What is trained how long.

    Attributes:
        search: learning rates tried on validation where none is given.
        max_epochs: passes over the training set at most.
        batch_utterances: utterances a step.
    """

    search: tuple[float, ...]
    max_epochs: int
    batch_utterances: int = 32


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
