from __future__ import annotations

import numpy as np
import pytest

from bench.resampling import Floats
from reports.significance import differences, holm, interval_of, mean_of
from tests.unit.reports.samples import World, sample

SETTINGS = [(1, 0.0), (3, 0.1), (3, 0.2), (5, 0.0), (5, 0.3)]
"""Runs a row, and how much the seed decides."""


@pytest.mark.parametrize(("runs", "of_seeds"), SETTINGS)
def test_intervals_cover_the_truth_in_95_of_100_cases(runs: int, of_seeds: float) -> None:
    world = World(runs, of_utterances=1.5, of_seeds=of_seeds)
    truth, n = world.truth(), 800
    covered = 0
    for _ in range(n):
        low, high = interval_of(world.rows(1, runs, 250)[0], 300)
        covered += low <= truth <= high
    assert 0.93 <= covered / n <= 0.97


@pytest.mark.parametrize(("runs", "of_seeds"), SETTINGS)
def test_equal_rows_are_taken_for_different_in_at_most_6_of_100_cases(
    runs: int, of_seeds: float
) -> None:
    world = World(10 + runs, of_utterances=1.5, of_seeds=of_seeds)
    n, different = 600, 0
    for _ in range(n):
        found = differences(world.rows(2, runs, 250), 0, 400)[1]
        assert found is not None
        different += found.p <= 0.05
    assert different / n <= 0.06


def draw(n: int, p: float, seed: int) -> Floats:
    return (np.random.default_rng(seed).random((1, n)) < p).astype(np.float64)


def test_pairing_sees_what_two_intervals_do_not() -> None:
    b = draw(400, 0.8, 0)
    a = b.copy()
    a[0, np.flatnonzero(b[0] == 0)[:20]] = 1.0
    better, worse = sample(a), sample(b)
    assert interval_of(better)[0] < interval_of(worse)[1]
    _, found = differences([better, worse], 0)
    assert found is not None
    assert found.value == pytest.approx(0.05)
    assert found.ci95[0] > 0.02
    assert found.p < 0.001
    back, _ = differences([better, worse], 1)
    assert back is not None
    assert (back.value, back.p) == (-found.value, found.p)
    assert back.ci95 == pytest.approx((-found.ci95[1], -found.ci95[0]))


def test_a_row_does_not_differ_from_itself() -> None:
    same = sample(np.repeat(draw(100, 0.7, 1), 3, axis=0))
    _, found = differences([same, same], 0)
    assert found == (0.0, (0.0, 0.0), 1.0)


def test_p_is_two_sided() -> None:
    """10 wins against 4 of 100: mean 6, deviation 3.69; half of p is the normal tail below 0.5."""
    a, b = np.zeros((1, 100)), np.zeros((1, 100))
    a[0, :10] = 1.0
    b[0, 10:14] = 1.0
    _, found = differences([sample(a), sample(b)], 0)
    assert found is not None
    assert found.p == pytest.approx(0.136, abs=0.03)


def test_seeds_that_disagree_take_certainty_away() -> None:
    certain = sample(np.repeat(draw(2000, 0.8, 1), 3, axis=0))
    worse = sample(np.repeat(draw(2000, 0.7, 2), 3, axis=0))
    unsteady = sample(np.concatenate([draw(2000, p, 3) for p in (0.6, 0.7, 0.8)]))
    _, sure, unsure = differences([certain, worse, unsteady], 0)
    assert sure is not None
    assert unsure is not None
    assert sure.p < 0.001
    assert unsure.p > 0.05
    low, high = interval_of(unsteady)
    assert high - low > 4.3 * 2 * 0.09 / 3**0.5


def test_speakers_are_drawn_whole() -> None:
    right = np.repeat([[1.0, 0.0]], 100, axis=1)
    one = interval_of(sample(right))
    many = interval_of(sample(right, speakers=tuple(i // 10 for i in range(200))))
    assert many[1] - many[0] > 2 * (one[1] - one[0])


def test_an_error_rate_weighs_utterances_by_their_words() -> None:
    rate = sample(np.array([[1.0, 0.0, 3.0]]))
    object.__setattr__(rate, "below", np.array([[10.0, 5.0, 5.0]]))
    assert mean_of(rate) == pytest.approx(0.2)
    low, high = interval_of(rate)
    assert (low, high) == pytest.approx((0.0, 0.6))


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
