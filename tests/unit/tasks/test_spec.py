from __future__ import annotations

import dataclasses

import pytest

from bench.errors import DataError, UnknownNameError, UsageError
from tasks.asr import ASR
from tasks.ic import IC
from tasks.ks import KS
from tasks.metrics.registry import METRICS
from tasks.registry import TASKS
from tasks.sf import SF
from tasks.spec import TaskSpec


def spec(**changes: object) -> TaskSpec:
    return dataclasses.replace(KS, **changes)  # type: ignore[arg-type]


def test_the_five_tasks_are_there_and_their_metrics_exist() -> None:
    assert TASKS.names()[:5] == ("ks", "ic", "lid", "asr", "sf")
    for name in TASKS.names():
        task = TASKS.get(name)
        assert task.name == name
        assert [METRICS.get(metric).name for metric in task.metrics] == list(task.metrics)


def test_an_unknown_task_is_answered_with_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'asr'"):
        TASKS.get("asrr")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": "K S"}, "lower case"),
        ({"title": ""}, "title"),
        ({"slots": ()}, "exactly one slot"),
        ({"slots": ("a", "b")}, "exactly one slot"),
        ({"answer": "slots", "slots": ("a",)}, "at least two"),
        ({"answer": "slots", "slots": ("a", "a")}, "distinct"),
        ({"answer": "text"}, "no label slots"),
        ({"answer": "slots", "slots": ("a", "b"), "throughout": True}, "one label"),
        ({"primary": "wer"}, "not among"),
        ({"metrics": ("accuracy", "accuracy")}, "twice"),
    ],
)
def test_a_contradictory_spec_is_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        spec(**changes)


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        KS.name = "other"  # type: ignore[misc]


def test_rows_become_symbols_and_symbols_become_text() -> None:
    assert KS.symbols_of({"label": "yes"}) == ("yes",)
    assert IC.symbols_of({"labels": ["change language", "none", "none"]}) == (
        "change language",
        "none",
        "none",
    )
    assert IC.text_of(("activate", "lamp", "kitchen")) == "activate lamp kitchen"
    assert ASR.symbols_of({"text": " go  on"}) == ("g", "o", "|", "o", "n")
    assert ASR.text_of(("g", "o", "|", "|", "o", "n", "|")) == "go on"


def test_slot_text_is_spelled_as_superb_spells_it() -> None:
    row = {
        "text": "play the new one now",
        "slots": [{"type": "album", "value": "new one", "start_word": 2, "end_word": 4}],
    }
    symbols = SF.symbols_of(row)
    assert symbols[9:] == ("B-album", *"new", "|", *"one", "E-album", "|", *"now")
    assert SF.text_of(symbols) == "play the B-album new one E-album now"


@pytest.mark.parametrize(
    ("task", "row", "why"),
    [
        (KS, {}, "no `label`, which ks needs"),
        (KS, {"label": ""}, "non-empty"),
        (KS, {"label": 3}, "non-empty"),
        (IC, {"labels": "a b c"}, "must be a list"),
        (IC, {"labels": ["a", "b"]}, r"2 labels where ic has 3 \(action, object, location\)"),
        (IC, {"labels": ["a", "b", 1]}, "non-empty"),
        (ASR, {"text": 1}, "must be a string"),
        (ASR, {"text": "  "}, "text is empty"),
        (ASR, {"text": "a|b"}, "stands for the space"),
        (SF, {"text": "a b"}, "no `slots`"),
    ],
)
def test_a_row_without_its_answer_is_refused(
    task: TaskSpec, row: dict[str, object], why: str
) -> None:
    with pytest.raises(DataError, match=why):
        task.symbols_of(row)


@pytest.mark.parametrize(
    ("task", "symbols"),
    [
        (ASR, ("g", "o", "|", "o", "n")),
        (ASR, ("\u00e9", "e\u0301", "\u4e2d", "'")),  # a letter and its accent are one character
        (SF, ("t", "o", "|", "B-city", "r", "\u00f3", "m", "E-city")),
        (KS, ("yes",)),
        (IC, ("turn on", "lamp", "none")),
    ],
)
def test_symbols_that_can_be_an_answer(task: TaskSpec, symbols: tuple[str, ...]) -> None:
    task.check_symbols(symbols)


@pytest.mark.parametrize(
    ("task", "symbols", "which"),
    [
        (ASR, ("turn", "on"), "'turn'"),
        (ASR, ("t", "o", "|", "B-city", "p"), "'B-city'"),
        (SF, ("to", "B-city", "p", "E-city"), "'to'"),
        (SF, ("t", "o", "|", "B-", "p"), "'B-'"),
    ],
)
def test_whole_words_are_no_spelling(task: TaskSpec, symbols: tuple[str, ...], which: str) -> None:
    with pytest.raises(DataError, match=f"{which} is not one character") as caught:
        task.check_symbols(symbols)
    assert str(caught.value.hint).startswith("a text is spelled: t u r n | o n")
    assert ("E-city" in str(caught.value.hint)) == (task is SF)
