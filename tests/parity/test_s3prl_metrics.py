"""Our error rates and slot metrics against s3prl's, in the same process, on random answers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import s3prl.metric
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.asr import ASR
from tasks.metrics.registry import METRICS
from tasks.sf import SF
from tasks.spec import TaskSpec
from tasks.spelling import spell

Answer = tuple[str, ...]
TYPES = ("city", "playlist", "playlist_owner", "a")

words = st.text(st.sampled_from("abcd'"), min_size=1, max_size=5)
texts = st.lists(words, min_size=1, max_size=6).map(lambda said: spell(" ".join(said)))
anything = st.lists(st.sampled_from("ab|"), max_size=12).map(tuple)
tags = st.sampled_from([f"{side}-{name}" for side in "BE" for name in TYPES])
any_tagging = st.lists(st.one_of(st.sampled_from("abc|"), tags), max_size=24).map(tuple)


@st.composite
def well_tagged(draw: st.DrawFn) -> Answer:
    symbols: list[str] = []
    for said, name in draw(
        st.lists(
            st.tuples(st.lists(words, min_size=1, max_size=3), st.none() | st.sampled_from(TYPES)),
            min_size=1,
            max_size=5,
        )
    ):
        if symbols:
            symbols.append("|")
        phrase = spell(" ".join(said))
        symbols.extend((f"B-{name}", *phrase, f"E-{name}") if name else phrase)
    return tuple(symbols)


Pairs = list[tuple[Answer, Answer]]
WITH_A_SLOT: tuple[Answer, Answer] = (("B-a", *"abc", "E-a"), ("B-a", *"abd", "E-a"))
"""Keeps s3prl from dividing by zero where no other reference has a slot."""
SLOT_PAIRS: st.SearchStrategy[Pairs] = st.lists(
    st.tuples(well_tagged(), well_tagged() | any_tagging), min_size=1, max_size=6
)


def ours(name: str, task: TaskSpec, pairs: Sequence[tuple[Answer, Answer]]) -> float:
    metric = METRICS.get(name)
    rows = metric.statistics([r for r, _ in pairs], [h for _, h in pairs], task)
    return float(metric.value(rows.sum(axis=0)))


def theirs(name: str, task: TaskSpec, pairs: Sequence[tuple[Answer, Answer]]) -> float:
    references = [task.text_of(reference) for reference, _ in pairs]
    hypotheses = [task.text_of(hypothesis) for _, hypothesis in pairs]
    return float(getattr(s3prl.metric, name)(hypotheses, references))


@settings(max_examples=300)
@given(st.lists(st.tuples(texts, texts | anything), min_size=1, max_size=6))
def test_error_rates_are_s3prls(pairs: Pairs) -> None:
    for name in ("wer", "cer"):
        assert ours(name, ASR, pairs) == pytest.approx(theirs(name, ASR, pairs), abs=1e-12)


@settings(max_examples=300)
@given(SLOT_PAIRS)
def test_slot_type_f1_is_s3prls(pairs: Pairs) -> None:
    found = ours("slot_type_f1", SF, pairs)
    assert found == pytest.approx(theirs("slot_type_f1", SF, pairs), abs=1e-12)


@settings(max_examples=300)
@given(SLOT_PAIRS)
def test_slot_value_cer_is_s3prls(pairs: Pairs) -> None:
    pairs = [*pairs, WITH_A_SLOT]
    found = ours("slot_value_cer", SF, pairs)
    assert found == pytest.approx(theirs("slot_value_cer", SF, pairs), abs=1e-12)


@settings(max_examples=300)
@given(st.lists(st.tuples(any_tagging, any_tagging), min_size=1, max_size=4))
def test_slot_metrics_are_s3prls_on_badly_tagged_references_too(pairs: Pairs) -> None:
    found = ours("slot_type_f1", SF, pairs)
    assert found == pytest.approx(theirs("slot_type_f1", SF, pairs), abs=1e-12)
    pairs = [*pairs, WITH_A_SLOT]
    found = ours("slot_value_cer", SF, pairs)
    assert found == pytest.approx(theirs("slot_value_cer", SF, pairs), abs=1e-12)


@pytest.mark.parametrize("value", ["9:30", "a;b"])
def test_s3prl_fails_on_the_values_we_read(value: str) -> None:
    """The difference that `right on values with ":" or ";"` names, pinned to s3prl's behaviour."""
    answer = ("B-time", *value, "E-time")
    assert ours("slot_type_f1", SF, [(answer, answer)]) == 1.0
    with pytest.raises(ValueError, match="values to unpack"):
        theirs("slot_type_f1", SF, [(answer, answer)])


def test_s3prl_fails_where_no_reference_has_a_slot() -> None:
    pairs = [(spell("hello"), ("B-city", "x", "E-city"))]
    assert ours("slot_value_cer", SF, pairs) == 0.0
    with pytest.raises(ZeroDivisionError):
        theirs("slot_value_cer", SF, pairs)
