from __future__ import annotations

import time

import numpy as np
import pytest

from bench import resampling
from bench.errors import DataError
from tasks.metrics.bootstrap import interval
from tasks.metrics.metric import Floats, ratio


def rows(right: Floats) -> Floats:
    return np.stack([right, np.ones(len(right))], axis=1)


def draw(n: int, p: float, seed: int = 0) -> Floats:
    return (np.random.default_rng(seed).random(n) < p).astype(np.float64)


def test_the_interval_of_an_accuracy_is_the_binomial_one() -> None:
    right = np.repeat([1.0, 0.0], [320, 80])
    low, high = interval(rows(right), ratio, speakers=None, seed=1)
    half = 1.96 * np.sqrt(0.8 * 0.2 / 400)
    assert low == pytest.approx(0.8 - half, abs=0.008)
    assert high == pytest.approx(0.8 + half, abs=0.008)


def test_a_perfect_score_has_no_spread() -> None:
    assert interval(rows(np.ones(20)), ratio, speakers=None, seed=1) == (1.0, 1.0)


def test_one_utterance_has_no_spread() -> None:
    assert interval(rows(np.zeros(1)), ratio, speakers=None, seed=1) == (0.0, 0.0)


def test_the_seed_decides() -> None:
    statistics = rows(draw(50, 0.5))
    first = interval(statistics, ratio, speakers=None, seed=1)
    assert interval(statistics, ratio, speakers=None, seed=1) == first
    assert any(
        interval(statistics, ratio, speakers=None, seed=seed) != first for seed in range(2, 8)
    )


def test_chunks_change_nothing_but_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    statistics = rows(draw(30, 0.5))
    whole = interval(statistics, ratio, speakers=None, seed=1, n_resamples=101)
    monkeypatch.setattr(resampling, "DRAWS_AT_ONCE", 20)
    assert interval(statistics, ratio, speakers=None, seed=1, n_resamples=101) == whole


def test_speakers_widen_the_interval_when_they_differ() -> None:
    right = np.repeat([1.0, 0.0], 100)
    speakers = [f"s{i // 10}" for i in range(200)]
    by_utterance = interval(rows(right), ratio, speakers=None, seed=1)
    by_speaker = interval(rows(right), ratio, speakers=speakers, seed=1)
    assert by_speaker[1] - by_speaker[0] > 2 * (by_utterance[1] - by_utterance[0])


def test_speakers_of_one_utterance_each_are_utterances() -> None:
    statistics = rows(draw(40, 0.6))
    speakers = [str(i) for i in range(40)]
    assert interval(statistics, ratio, speakers=speakers, seed=1) == interval(
        statistics, ratio, speakers=None, seed=1
    )


@pytest.mark.parametrize("speakers", [["a", None] * 20, ["a"] * 40])
def test_unknown_speakers_or_a_single_one_fall_back_to_utterances(
    speakers: list[str | None],
) -> None:
    statistics = rows(draw(40, 0.6))
    assert interval(statistics, ratio, speakers=speakers, seed=1) == interval(
        statistics, ratio, speakers=None, seed=1
    )


def test_the_interval_contains_its_value() -> None:
    def biased(sums: Floats) -> Floats:
        return np.where(sums[..., 0] == 10.0, 1.0, 0.0)

    assert interval(rows(np.arange(5.0)), biased, speakers=None, seed=1)[1] == 1.0


def test_nothing_to_draw_and_a_mismatch_are_refused() -> None:
    with pytest.raises(DataError, match="no utterance"):
        interval(np.zeros((0, 2)), ratio, speakers=None, seed=1)
    with pytest.raises(DataError, match="2 speakers for 3 utterances"):
        interval(rows(np.ones(3)), ratio, speakers=["a", "b"], seed=1)


def test_a_test_set_of_real_size_takes_a_moment() -> None:
    start = time.process_time()
    interval(rows(draw(3793, 0.9)), ratio, speakers=None, seed=1)
    assert time.process_time() - start < 5
