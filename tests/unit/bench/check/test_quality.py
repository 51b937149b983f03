from __future__ import annotations

import pytest

from bench.check.quality import LOSS, Change, changes, corrected
from tests.unit.bench.check.making import World, measurement

WORLDS = 300


@pytest.fixture(autouse=True)
def _fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.check.quality.N_RESAMPLES", 2000)


def judged(shift: float, level: float) -> float:
    """Share of worlds in which accuracy is called worse."""
    alarms = 0
    for number in range(WORLDS):
        world = World(number)
        before, now = world.runs(6), world.runs(3, shift)
        (accuracy,) = (one for one in changes("c", now, before) if one.metric == "accuracy")
        alarms += accuracy.p_worse < level
    return alarms / WORLDS


def test_seeds_drawn_anew_are_seldom_called_worse() -> None:
    assert judged(0.0, 0.05) <= 0.08


def test_a_real_loss_of_quality_is_seen() -> None:
    assert judged(-2.0, 0.01) > 0.9


def test_what_repeats_itself_to_the_bit_has_not_moved() -> None:
    before = World(0).runs(6)
    for change in changes("c", before[:3], before):
        assert change.exact
        assert change.difference == 0
        assert change.p_worse == change.p_better == 1


def test_a_lower_loss_is_better() -> None:
    world = World(1)
    before, now = world.runs(6), world.runs(3, 4.0)
    (loss,) = (one for one in changes("c", now, before) if one.metric == LOSS)
    assert not loss.higher_is_better
    assert loss.p_better < 0.001 < loss.p_worse


def test_p_values_are_corrected_together() -> None:
    def change(p: float) -> Change:
        (found, _) = changes("c", World(0).runs(3), World(0).runs(6))
        return Change(**{**found.__dict__, "p_worse": p, "p_better": 1 - p})

    adjusted = corrected([change(0.004), change(0.5), change(0.6)])
    assert [one.p_worse for one in adjusted] == pytest.approx([0.012, 1.0, 1.0])


def test_seeds_without_any_spread_do_not_divide_by_zero() -> None:
    before = [measurement(seed, [1.0] * 30, train_loss=0.0) for seed in range(4)]
    now = [measurement(seed, [0.0] * 30, train_loss=0.0) for seed in range(3)]
    (accuracy, loss) = changes("c", now, before)
    assert accuracy.p_worse < 0.001
    assert loss.p_worse == 1
