from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from tasks.asr import ASR
from tasks.ic import IC
from tasks.ks import KS
from tasks.metrics.bootstrap import interval
from tasks.metrics.metric import ratio
from tasks.metrics.registry import METRICS
from tasks.sf import SF
from tasks.slot_text import slots_in
from tasks.spec import TaskSpec

Pairs = list[tuple[tuple[str, ...], tuple[str, ...]]]


def pairs_of(answers: st.SearchStrategy[tuple[str, ...]]) -> st.SearchStrategy[Pairs]:
    return st.lists(st.tuples(answers, answers), min_size=1, max_size=8)


words = st.sampled_from(["a", "b", "c", "none"])
slot_symbols = st.sampled_from(["a", ":", ";", "|", "B-x", "E-x", "B-xy", "E-xy"])
CASES: st.SearchStrategy[tuple[TaskSpec, Pairs]] = st.one_of(
    st.tuples(st.just(KS), pairs_of(st.tuples(words))),
    st.tuples(st.just(IC), pairs_of(st.tuples(words, words, words))),
    st.tuples(st.just(ASR), pairs_of(st.lists(st.sampled_from("ab|"), max_size=8).map(tuple))),
    st.tuples(st.just(SF), pairs_of(st.lists(slot_symbols, max_size=12).map(tuple))),
)


def value(task: TaskSpec, name: str, pairs: Pairs) -> float:
    metric = METRICS.get(name)
    rows = metric.statistics([r for r, _ in pairs], [h for _, h in pairs], task)
    return float(metric.value(rows.sum(axis=0)))


@given(CASES)
def test_metrics_stay_in_bounds(case: tuple[TaskSpec, Pairs]) -> None:
    task, pairs = case
    for name in task.metrics:
        found = value(task, name, pairs)
        assert found >= 0
        if METRICS.get(name).higher_is_better:
            assert found <= 1


@given(CASES)
def test_perfect_hypotheses_score_perfectly(case: tuple[TaskSpec, Pairs]) -> None:
    task, pairs = case
    if task is SF:  # tags inside a value leave a hypothesis and stay in a reference
        pairs = [(r, r) for r, _ in pairs if not _has_inner_tags(r)]
        assume(pairs)
    for name in task.metrics:
        found = value(task, name, [(reference, reference) for reference, _ in pairs])
        assert found == (1.0 if METRICS.get(name).higher_is_better else 0.0)


@given(CASES, st.randoms(use_true_random=False))
def test_the_order_of_utterances_does_not_matter(
    case: tuple[TaskSpec, Pairs], random: Random
) -> None:
    task, pairs = case
    shuffled = pairs.copy()
    random.shuffle(shuffled)
    for name in task.metrics:
        assert np.isclose(value(task, name, shuffled), value(task, name, pairs), atol=1e-12)


@given(st.lists(st.booleans(), min_size=2, max_size=60), st.integers(0, 1000))
def test_an_interval_brackets_its_value_inside_the_bounds(right: list[bool], seed: int) -> None:
    rows = np.stack([np.array(right, dtype=np.float64), np.ones(len(right))], axis=1)
    low, high = interval(rows, ratio, speakers=None, seed=seed, n_resamples=200)
    point = sum(right) / len(right)
    assert 0 <= low <= point <= high <= 1
    assert (low == high) == (point in (0.0, 1.0))


def _has_inner_tags(symbols: tuple[str, ...]) -> bool:
    as_reference = slots_in(symbols, without_inner_tags=False)
    return as_reference != slots_in(symbols, without_inner_tags=True)
