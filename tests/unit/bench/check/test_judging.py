from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench.check.baseline import Baseline
from bench.check.judging import Judgement
from bench.check.measurement import Measurement
from bench.check.suite import load_suite
from tests.unit.bench.check.making import MACHINE, measurement


@pytest.mark.parametrize(
    ("ratio", "same", "found"),
    [
        (1.05, True, []),
        (1.4, True, [True]),
        (1.05, False, []),
        (1.4, False, [False]),  # told, and no alarm
        (2.3, False, [True]),
    ],
)
def test_slower_is_an_alarm_on_the_machine_of_the_baseline_and_far_slower_everywhere(
    tmp_path: Path, ratio: float, same: bool, found: list[bool]
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("cells: [{task: ks, method: prompt}]\n")
    suite = load_suite(str(file))
    (cell,) = suite.cells

    def runs(n: int, pace: float, cpu: str) -> list[Measurement]:
        speed = {"training": {"products": math.log(pace)}, "inference": {"products": 0.0}}
        machine = MACHINE.model_copy(update={"cpu": cpu})
        return [measurement(i, [1.0, 0.0], speed=speed, machine=machine) for i in range(n)]

    baseline = Baseline(suite=suite.name, history=[], cells={cell.name: runs(6, 1.0, "x")})
    now = {cell.name: runs(3, ratio, "x" if same else "y")}
    judgement = Judgement(suite, baseline, now, [], whole=True)
    told = [one for one in judgement.findings() if one.kind == "speed"]
    assert [one.alarm for one in told] == found
    assert all(f"{ratio}" in one.text for one in told)


def test_cells_on_other_numbers_of_threads_are_each_on_the_machine_of_the_baseline(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "every: {task: ks, method: prompt}\ncells: [{threads: 1}, {threads: 2, name: two}]\n"
    )
    suite = load_suite(str(file))

    def runs(n: int, threads: int, pace: float, cpu: str = "x") -> list[Measurement]:
        speed = {"training": {"products": math.log(pace)}, "inference": {"products": 0.0}}
        machine = MACHINE.model_copy(update={"threads": threads, "cpu": cpu})
        return [measurement(i, [1.0, 0.0], speed=speed, machine=machine) for i in range(n)]

    def judged(*now: list[Measurement]) -> Judgement:
        before = {cell.name: runs(6, i + 1, 1.0) for i, cell in enumerate(suite.cells)}
        baseline = Baseline(suite=suite.name, history=[], cells=before)
        measured = {cell.name: own for cell, own in zip(suite.cells, now, strict=True)}
        return Judgement(suite, baseline, measured, [], whole=True)

    same = judged(runs(3, 1, 1.4), runs(3, 2, 1.4))
    assert same.machine_is_same
    assert [one.alarm for one in same.findings() if one.kind == "speed"] == [True, True]
    moved = judged(runs(3, 1, 1.4, cpu="y"), runs(3, 2, 1.4))
    assert not moved.machine_is_same
    assert [one.alarm for one in moved.findings() if one.kind == "speed"] == [False, True]
