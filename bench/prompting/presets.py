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
    loss: Loss
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
    loss="labels",
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
    scoring="channel", prompt_length=5, lr=0.02, max_epochs=12, verbalizer=None, label_vectors=None
)
WINDOW, MIX = 0.25, 4
"""Of tasks whose label holds throughout an utterance."""


LR_OF_UNITS = 0.02
"""Where one unit answers among all of the vocabulary. Higher rates, there and through the channel,
get no more out of a trained LM, and ever more out of an untrained one (docs/mini.md)."""
FEW = 500
"""Training utterances. That one unit answers takes hundreds of steps to learn, which fewer do not
make in as many passes."""


def preset_of(
    task: TaskSpec,
    loss: Loss | None,
    scoring: Scoring | None = None,
    verbalizer: Name | None = None,
    *,
    n_train: int,
) -> Preset:
    """The defaults for a task.

    Args:
        task: what is asked.
        loss: between which rows; None: as in the paper for labels that are heard somewhere (KS,
            IC), unless there are `FEW` utterances or labels are to be learnt; else the labels'.
        scoring: how; None: the channel where each unit has the label of all, with the labels' loss.
        verbalizer: what was asked for.
        n_train: training utterances.
    """
    if scoring is None:
        scoring = "channel" if task.throughout and loss != "full" else "direct"
    preset = _CHANNEL if scoring == "channel" else PRESETS[task.answer]
    classifies = scoring == "direct" and not task.is_sequence and not task.throughout
    if loss is None:
        as_published = classifies and verbalizer != "learnable" and n_train >= FEW
        loss = "full" if as_published else "labels"
    if loss == "full" and classifies:
        return preset._replace(loss="full", lr=LR_OF_UNITS, verbalizer="frequency")
    if loss == "full":
        return preset._replace(loss="full", verbalizer="frequency", label_vectors="lm")
    return preset._replace(window=WINDOW, mix=MIX) if task.throughout else preset
