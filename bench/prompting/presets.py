"""Settings that differ by task, for options left open; found on validation sets."""

from __future__ import annotations

from typing import NamedTuple

from bench.prompting.verbalizer import Name


class Preset(NamedTuple):
    """Defaults of a task; see `PromptOptions`."""

    prompt_length: int
    lr: float
    max_epochs: int
    verbalizer: Name


PRESETS: dict[str, Preset] = {
    "label": Preset(prompt_length=20, lr=0.04, max_epochs=20, verbalizer="learnable"),
    "slots": Preset(prompt_length=20, lr=0.04, max_epochs=20, verbalizer="learnable"),
    "text": Preset(prompt_length=128, lr=0.03, max_epochs=30, verbalizer="learnable"),
    "slot_text": Preset(prompt_length=128, lr=0.03, max_epochs=30, verbalizer="learnable"),
}
"""By the form of the task's answer."""
