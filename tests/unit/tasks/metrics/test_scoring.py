from __future__ import annotations

import dataclasses

import pytest

from bench.errors import DataError, UnknownNameError, UsageError
from tasks.asr import ASR
from tasks.ic import IC
from tasks.ks import KS
from tasks.metrics.confusion import ConfusionRow, confusion
from tasks.metrics.scoring import score
from tasks.registry import TASKS
from tasks.spec import TaskSpec


@pytest.mark.parametrize("task", [TASKS.get(name) for name in TASKS.names()])
def test_every_task_scores_with_all_of_its_metrics(task: TaskSpec) -> None:
    answer = tuple("abc"[: max(len(task.slots), 1)])
    wrong = tuple("xyz"[: max(len(task.slots), 1)])
    scores = score(task, [answer] * 6, [answer] * 5 + [wrong], None, seed=1)
    assert tuple(scores) == task.metrics
    for name, found in scores.items():
        assert found.n == 6
        assert found.unit == "fraction"
        assert found.ci95[0] <= found.value <= found.ci95[1]
        assert found.higher_is_better == (name not in ("wer", "cer", "slot_value_cer"))


def test_a_score_is_unrounded_and_repeatable() -> None:
    references, hypotheses = [("a",)] * 3, [("a",), ("a",), ("b",)]
    first = score(KS, references, hypotheses, None, seed=1)
    assert first["accuracy"].value == 2 / 3
    assert score(KS, references, hypotheses, None, seed=1) == first


def test_speakers_reach_the_interval() -> None:
    references = [("a",)] * 40
    hypotheses = [("a",)] * 20 + [("b",)] * 20
    speakers = ["s1"] * 20 + ["s2"] * 20
    by_speaker = score(KS, references, hypotheses, speakers, seed=1)["accuracy"].ci95
    assert by_speaker == (0.0, 1.0)
    by_utterance = score(KS, references, hypotheses, None, seed=1)["accuracy"].ci95
    assert by_utterance != by_speaker


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(DataError, match="no utterance"):
        score(KS, [], [], None, seed=1)
    with pytest.raises(DataError, match="1 hypotheses for 2 references"):
        score(KS, [("a",)] * 2, [("a",)], None, seed=1)
    unknown = dataclasses.replace(KS, metrics=("accuracyy",), primary="accuracyy")
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        score(unknown, [("a",)], [("a",)], None, seed=1)


def test_confusion_counts_answers_slot_by_slot() -> None:
    references = [("on", "lamp", "hall")] * 3 + [("off", "lamp", "hall")]
    hypotheses = [
        ("on", "lamp", "hall"),
        ("off", "lamp", "hall"),
        ("on", "music", "hall"),
        ("off", "lamp", "none"),
    ]
    assert confusion(IC, references, hypotheses) == [
        ConfusionRow("action", "off", "off", 1),
        ConfusionRow("action", "on", "on", 2),
        ConfusionRow("action", "on", "off", 1),
        ConfusionRow("object", "lamp", "lamp", 3),
        ConfusionRow("object", "lamp", "music", 1),
        ConfusionRow("location", "hall", "hall", 3),
        ConfusionRow("location", "hall", "none", 1),
    ]


def test_texts_have_no_confusion_matrix() -> None:
    with pytest.raises(UsageError, match="asr answers in texts"):
        confusion(ASR, [("a",)], [("a",)])
