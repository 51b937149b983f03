"""Settings that differ by task, for options left open; found on validation sets."""

from __future__ import annotations

from typing import Literal, NamedTuple

from bench.augmentation import AUGMENT
from bench.prompting.examples import Loss
from bench.prompting.verbalizer import Name
from tasks.spec import TaskSpec


class Preset(NamedTuple):
    """Defaults of a task; see `PromptOptions`."""

    prompt_length: int
    lr: float
    max_epochs: int
    verbalizer: Name
    label_vectors: Literal["lm", "trained"]
    augment: int
    window: float
    mix: int
    batch_utterances: int


_LABEL = Preset(
    prompt_length=20,
    lr=0.04,
    max_epochs=40,
    verbalizer="learnable",
    label_vectors="lm",
    augment=AUGMENT,
    window=1.0,
    mix=1,
    batch_utterances=32,
)
_TEXT = _LABEL._replace(prompt_length=128, lr=0.03, max_epochs=30, label_vectors="trained")

PRESETS: dict[str, Preset] = {
    "label": _LABEL,
    "slots": _LABEL._replace(label_vectors="trained"),
    "text": _TEXT,
    "slot_text": _TEXT._replace(max_epochs=20),
}
"""By the form of the task's answer."""
THROUGHOUT = _LABEL._replace(window=0.25, mix=4)
"""Of tasks whose label holds throughout an utterance."""


def preset_of(task: TaskSpec, loss: Loss) -> Preset:
    """The defaults for a task; with the full loss, answers are spelt and read as in the paper."""
    preset = THROUGHOUT if task.throughout else PRESETS[task.answer]
    if loss == "full":
        return preset._replace(verbalizer="frequency", label_vectors="lm", window=1.0, mix=1)
    return preset
