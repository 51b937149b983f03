"""Settings that differ by task, for options left open; found on validation sets."""

from __future__ import annotations

from typing import NamedTuple


class Preset(NamedTuple):
    """Defaults of a task; see `PromptOptions`."""

    prompt_length: int
    lr: float
    max_epochs: int


PRESETS: dict[str, Preset] = {
    "label": Preset(prompt_length=20, lr=0.03, max_epochs=20),
    "slots": Preset(prompt_length=20, lr=0.03, max_epochs=20),
    "text": Preset(prompt_length=64, lr=0.03, max_epochs=30),
    "slot_text": Preset(prompt_length=64, lr=0.03, max_epochs=30),
}
"""By the form of the task's answer."""
