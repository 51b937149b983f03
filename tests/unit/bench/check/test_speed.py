from __future__ import annotations

import math

import numpy as np

from bench.check.measurement import Measurement, Speed
from bench.check.measuring import relative
from bench.check.speed import paces, suspicious, too_slow, untimed
from bench.check.step_clock import Timed
from tests.unit.bench.check.making import measurement


def timed(logs: list[float], other: float = 0.0) -> list[Measurement]:
    made = []
    for seed, log in enumerate(logs):
        speed: Speed = {"products": log, "dispatch": log + other}
        made.append(measurement(seed, [1.0], speed={"training": speed}))
    return made


def alarm_rate(factor: float, noise: float) -> float:
    alarms = 0
    for number in range(400):
        random = np.random.default_rng(number)
        before = timed(random.normal(0, noise, 6).tolist())
        now = timed((math.log(factor) + random.normal(0, noise, 6)).tolist())
        (pace,) = paces("c", now, before)
        alarms += too_slow(pace, 1.15)
    return alarms / 400


def test_noise_is_no_alarm_and_thirty_per_cent_are_one() -> None:
    assert alarm_rate(1.0, 0.06) == 0
    assert alarm_rate(1.3, 0.06) > 0.97


def test_a_machine_that_is_only_slower_at_one_kind_of_work_is_not_blamed() -> None:
    before, now = timed([0.0, 0.01, 0.02]), timed([0.5, 0.51, 0.52], other=-0.5)
    (pace,) = paces("c", now, before)
    assert pace.ratio < 1.01
    assert not suspicious(pace, 1.15)


def test_work_that_is_not_timed_any_more_is_named() -> None:
    now = [measurement(0, [1.0], speed={})]
    assert untimed(now, timed([0.0])) == ["training"]
    assert untimed(timed([0.0]), timed([0.0])) == []


def test_times_are_relative_to_the_reference_work_beside_them_and_outliers_do_not_count() -> None:
    steps = [Timed(2.0 * k, {"products": k}) for k in np.linspace(1, 3, 20)]
    assert math.isclose(relative(steps)["products"], math.log(2))
    steps[5] = Timed(1e6, {"products": 1.0})
    assert math.isclose(relative(steps)["products"], math.log(2))
    assert relative([]) == {}
