"""What a recipe is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How SUPERB trains a task, and what this project sets where SUPERB leaves it open.

    Attributes:
        gain_db: the waveform is scaled by it before the upstream.
        search: learning rates tried on validation where none is given.
        search_small: the same for the smaller head; None if there is none.
        max_epochs: passes over the training set at most.
        clip_norm: of the gradient of all trained parameters together.
    """

    gain_db: float = 0.0
    search: tuple[float, ...]
    max_epochs: int
    search_small: tuple[float, ...] | None = None
    clip_norm: float = 1.0
