"""Metrics on cases whose value is known by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tasks.asr import ASR
from tasks.ic import IC
from tasks.ks import KS
from tasks.metrics.metric import Metric
from tasks.metrics.registry import METRICS
from tasks.sf import SF
from tasks.slot_text import tagged_symbols
from tasks.spec import TaskSpec
from tasks.spelling import spell


def value(
    name: str,
    task: TaskSpec,
    references: Sequence[tuple[str, ...]],
    hypotheses: Sequence[tuple[str, ...]],
) -> float:
    metric: Metric = METRICS.get(name)
    statistics = metric.statistics(references, hypotheses, task)
    assert statistics.shape[0] == len(references)
    assert statistics.dtype == np.float64
    return float(metric.value(statistics.sum(axis=0)))


def words(*texts: str) -> list[tuple[str, ...]]:
    return [spell(text) if text else () for text in texts]


def filled(text: str, **slots: str) -> tuple[str, ...]:
    """`text` with the given values, single words, marked."""
    where = {slot_type: text.split().index(word) for slot_type, word in slots.items()}
    return tagged_symbols(
        text,
        [
            {"type": slot_type, "value": slots[slot_type], "start_word": i, "end_word": i + 1}
            for slot_type, i in where.items()
        ],
    )


def test_ic_is_right_only_if_all_slots_are() -> None:
    references = [("on", "lamp", "hall")] * 4
    hypotheses = [("on", "lamp", "hall"), ("on", "lamp", "none"), ("off", "lamp", "hall"), ()]
    assert value("accuracy", IC, references, hypotheses) == 0.25


def test_macro_f1_by_hand() -> None:
    references = [("a",), ("a",), ("a",), ("b",)]
    hypotheses = [("a",), ("a",), ("b",), ("b",)]
    assert value("macro_f1", KS, references, hypotheses) == pytest.approx((0.8 + 2 / 3) / 2)


def test_macro_f1_is_scikit_learns_over_the_classes_of_the_references() -> None:
    generator = np.random.default_rng(0)
    references = generator.integers(0, 5, 300)
    hypotheses = np.where(generator.random(300) < 0.6, references, generator.integers(0, 8, 300))
    got = value("macro_f1", KS, [(str(r),) for r in references], [(str(h),) for h in hypotheses])
    known = f1_score(references, hypotheses, labels=range(5), average="macro")
    assert got == pytest.approx(float(known), abs=1e-12)


def test_an_answer_that_is_no_intent_is_no_class() -> None:
    references = [("on", "lamp", "hall"), ("off", "lamp", "hall")]
    hypotheses = [("on", "lamp", "hall"), ("off", "music", "hall")]
    assert value("macro_f1", IC, references, hypotheses) == 0.5


def test_a_class_that_a_resample_does_not_draw_is_left_out_of_its_mean() -> None:
    metric = METRICS.get("macro_f1")
    statistics = metric.statistics([("a",), ("b",)], [("a",), ("a",)], KS)
    assert metric.value(np.array([3.0, 0.0]) @ statistics) == 1.0
    assert metric.value(np.array([0.0, 3.0]) @ statistics) == 0.0


def test_word_and_character_errors_add_up_over_the_corpus() -> None:
    references = words("the cat sat", "a")
    hypotheses = words("the bat", "a b c")
    assert value("wer", ASR, references, hypotheses) == 4 / 4
    assert value("cer", ASR, references, hypotheses) == 9 / 12


def test_an_empty_hypothesis_deletes_everything() -> None:
    assert value("wer", ASR, words("a b"), [()]) == 1.0
    assert value("cer", ASR, words("a b"), [()]) == 1.0


@pytest.mark.parametrize("name", ["wer", "cer"])
def test_error_rates_over_no_words_are_the_number_of_errors(name: str) -> None:
    assert value(name, ASR, [()], [()]) == 0.0
    assert value(name, ASR, [()], words("a")) == 1.0
    assert value("wer", ASR, [()], words("a b")) == 2.0


def test_slot_types_are_compared_as_sets() -> None:
    reference = filled("fly to rome at nine", city="rome", time="nine")
    assert value("slot_type_f1", SF, [reference], [reference]) == 1.0
    assert value("slot_type_f1", SF, [reference], [filled("to oslo", city="oslo")]) == 2 / 3
    assert value("slot_type_f1", SF, [reference], [spell("fly to rome")]) == 0.0
    assert value("slot_type_f1", SF, [spell("hello")], [spell("yes")]) == 1.0
    assert value("slot_type_f1", SF, [spell("hello")], [reference]) == 0.0


def test_slot_values_are_compared_character_by_character() -> None:
    reference = filled("fly to rome at nine", city="rome", time="nine")
    assert value("slot_value_cer", SF, [reference], [reference]) == 0.0
    assert value("slot_value_cer", SF, [reference], [filled("to romo", city="romo")]) == 5 / 8
    assert value("slot_value_cer", SF, [reference], [()]) == 1.0


@pytest.mark.parametrize("word", ["9:30", "a;b", ":", ";", "E-mail", "B-12", "a:b;c:d"])
def test_a_slot_value_may_hold_any_character(word: str) -> None:
    reference = filled(f"at {word} sharp", time=word)
    assert value("slot_type_f1", SF, [reference], [reference]) == 1.0
    assert value("slot_value_cer", SF, [reference], [reference]) == 0.0
    other = filled("at x sharp", time="x")
    assert value("slot_value_cer", SF, [reference], [other]) == 1.0


def test_a_spurious_repeat_costs_nothing_as_published() -> None:
    reference = filled("to rome", city="rome")
    hypothesis = (*filled("to oslo", city="oslo"), "|", *filled("to rome", city="rome"))
    assert value("slot_value_cer", SF, [reference], [hypothesis]) == 0.0


def test_no_reference_with_a_slot_is_a_value_error_rate_of_zero() -> None:
    hypothesis = filled("to rome", city="rome")
    assert value("slot_value_cer", SF, [spell("hello")], [hypothesis]) == 0.0


@pytest.mark.parametrize("name", METRICS.names())
def test_a_value_of_many_sums_is_the_value_of_each(name: str) -> None:
    metric = METRICS.get(name)
    task = {"accuracy": KS, "macro_f1": KS, "wer": ASR, "cer": ASR}.get(name, SF)
    references, hypotheses = words("a b", "c", "a b"), words("a b", "a b", "c")
    statistics = metric.statistics(references, hypotheses, task)
    weights = np.array([[1.0, 1.0, 1.0], [2.0, 0.0, 1.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]])
    together = metric.value(weights @ statistics)
    assert together.shape == (4,)
    for row, expected in zip(weights, together, strict=True):
        assert metric.value(row @ statistics) == pytest.approx(expected)


@pytest.mark.parametrize("name", METRICS.names())
def test_weights_count_utterances(name: str) -> None:
    """Weight 2 on an utterance is the same as the utterance twice."""
    metric = METRICS.get(name)
    task = {"accuracy": KS, "macro_f1": KS, "wer": ASR, "cer": ASR}.get(name, SF)
    references = [filled("to rome", city="rome"), spell("go"), filled("at nine", time="nine")]
    hypotheses = [filled("to rime", city="rime"), spell("go"), spell("at nine")]
    statistics = metric.statistics(references, hypotheses, task)
    doubled = metric.statistics([*references, references[0]], [*hypotheses, hypotheses[0]], task)
    assert metric.value(np.array([2.0, 1.0, 1.0]) @ statistics) == pytest.approx(
        float(metric.value(doubled.sum(axis=0)))
    )
