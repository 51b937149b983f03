"""What is settled for options that were left open."""

from __future__ import annotations

from typing import TypedDict

import pytest

from bench.prompting.examples import Loss
from bench.prompting.presets import FEW, Scoring, preset_of
from bench.prompting.verbalizer import Name
from tasks.registry import TASKS


class Asked(TypedDict, total=False):
    loss: Loss
    scoring: Scoring
    verbalizer: Name


@pytest.mark.parametrize(
    ("task", "asked", "settled"),
    [
        ("ks", {}, ("direct", "full", "frequency", 0.02)),
        ("ks", {"loss": "labels"}, ("direct", "labels", "learnable", 0.04)),
        ("ks", {"verbalizer": "learnable"}, ("direct", "labels", "learnable", 0.04)),
        ("ks", {"scoring": "channel"}, ("channel", "labels", None, 0.02)),
        ("lid", {}, ("channel", "labels", None, 0.02)),
        ("lid", {"scoring": "direct"}, ("direct", "labels", "learnable", 0.04)),
        ("lid", {"loss": "full"}, ("direct", "full", "frequency", 0.04)),
        ("ic", {}, ("direct", "full", "frequency", 0.02)),
        ("ic", {"loss": "labels"}, ("direct", "labels", "learnable", 0.04)),
        ("asr", {}, ("direct", "labels", "learnable", 0.03)),
        ("sf", {}, ("direct", "labels", "learnable", 0.03)),
    ],
)
def test_what_is_left_open_follows_the_task_and_what_was_asked(
    task: str, asked: Asked, settled: tuple[Scoring, Loss, Name | None, float]
) -> None:
    loss, scoring, verbalizer = asked.get("loss"), asked.get("scoring"), asked.get("verbalizer")
    preset = preset_of(TASKS.get(task), loss, scoring, verbalizer, n_train=FEW)
    assert (preset.scoring, preset.loss, preset.verbalizer, preset.lr) == settled


def test_labels_that_are_read_again_have_vectors_of_their_own_unless_all_is_as_published() -> None:
    ic, asr = TASKS.get("ic"), TASKS.get("asr")
    assert preset_of(ic, None, n_train=FEW).label_vectors == "trained"
    assert preset_of(ic, "full", n_train=FEW).label_vectors == "trained"
    assert preset_of(asr, None, n_train=FEW).label_vectors == "trained"
    assert preset_of(asr, "full", n_train=FEW).label_vectors == "lm"


def test_few_utterances_make_too_few_steps_for_a_unit_to_answer() -> None:
    few = preset_of(TASKS.get("ks"), None, n_train=FEW - 1)
    assert (few.loss, few.verbalizer, few.lr) == ("labels", "learnable", 0.04)
    assert preset_of(TASKS.get("ks"), "full", n_train=FEW - 1).loss == "full"
