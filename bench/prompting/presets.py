"""Settings that differ by task, for options left open; found on validation sets."""

from __future__ import annotations

from typing import Literal, NamedTuple

from bench.augmentation import AUGMENT
from bench.prompting.examples import Loss
from bench.prompting.verbalizer import Name
from tasks.spec import TaskSpec

Scoring = Literal["direct", "channel"]
"""`direct`: the LM reads an utterance and answers; `channel`: see `bench.prompting.channel`."""


class Preset(NamedTuple):
    """Defaults of a task; see `PromptOptions`."""

    scoring: Scoring
    prompt_length: int
    lr: float
    max_epochs: int
    verbalizer: Name | None
    label_vectors: Literal["lm", "trained"] | None
    augment: int
    window: float
    mix: int
    batch_utterances: int


_LABEL = Preset(
    scoring="direct",
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
_CHANNEL = _LABEL._replace(
    scoring="channel", prompt_length=5, max_epochs=12, verbalizer=None, label_vectors=None
)
WINDOW, MIX = 0.25, 4
"""Of tasks whose label holds throughout an utterance."""


def preset_of(task: TaskSpec, loss: Loss, scoring: Scoring | None = None) -> Preset:
    """The defaults for a task; with the full loss, answers are spelt and read as in the paper.

    Args:
        task: what is asked.
        loss: between which rows.
        scoring: how; None: the channel where each unit has the label of all, with the labels' loss.
    """
    if scoring is None:
        scoring = "channel" if task.throughout and loss == "labels" else "direct"
    preset = _CHANNEL if scoring == "channel" else PRESETS[task.answer]
    if loss == "full":
        return preset._replace(verbalizer="frequency", label_vectors="lm")
    return preset._replace(window=WINDOW, mix=MIX) if task.throughout else preset
