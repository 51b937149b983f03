"""Settings that differ by task, for options left open; found on validation sets."""

from __future__ import annotations

from typing import Literal, NamedTuple

from bench.prompting.verbalizer import Name


class Preset(NamedTuple):
    """Defaults of a task; see `PromptOptions`."""

    prompt_length: int
    lr: float
    max_epochs: int
    verbalizer: Name
    label_vectors: Literal["lm", "trained"]


PRESETS: dict[str, Preset] = {
    "label": Preset(
        prompt_length=20, lr=0.04, max_epochs=20, verbalizer="learnable", label_vectors="lm"
    ),
    "slots": Preset(
        prompt_length=20, lr=0.04, max_epochs=20, verbalizer="learnable", label_vectors="trained"
    ),
    "text": Preset(
        prompt_length=128, lr=0.03, max_epochs=20, verbalizer="learnable", label_vectors="trained"
    ),
    "slot_text": Preset(
        prompt_length=128, lr=0.03, max_epochs=20, verbalizer="learnable", label_vectors="trained"
    ),
}
"""By the form of the task's answer."""
