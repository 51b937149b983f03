from __future__ import annotations

import pytest

from bench.check.facts import departures, notes
from bench.check.measurement import Direction, Measurement
from bench.utterance_statistics import Ratio
from tests.unit.bench.check.making import MACHINE, measurement

RIGHT = [1.0, 0.0, 1.0, 1.0]
BEFORE = [measurement(seed, RIGHT) for seed in range(3)]


def now(**changes: object) -> list[Measurement]:
    return [measurement(seed, RIGHT, **changes) for seed in range(3)]


def test_equal_runs_have_no_departure() -> None:
    assert departures(now(), BEFORE) == []
    assert notes(now(), BEFORE) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"n_trainable": 4}, "trained parameters: 4, in the baseline 3"),
        ({"model_n_total": 8}, "parameters of the frozen model: 8, in the baseline 7"),
        ({"n_trainable_paper": 1}, "as the papers count: 1, in the baseline not counted"),
        ({"frozen_after": "v"}, "the frozen weights changed during the run"),
        ({"frozen_before": "v", "frozen_after": "v"}, "weights in memory are not the baseline's"),
        ({"model_fingerprint": "g"}, "the frozen model is another one"),
        ({"n": {"train": 10, "valid": 5, "test": 3}}, "test has 3 utterances, the baseline 4 (-1)"),
        ({"utterances": "v"}, "test utterances are others"),
        ({"corpus": "d"}, "the corpus is another one"),
        ({"options": {"task": "ks", "options": {"lr": 0.2}}}, "setting lr is 0.2"),
        ({"primary": "f1"}, "primary metric is f1"),
        ({"scores": {}}, "metric accuracy is gone"),
        (
            {
                "scores": {
                    "accuracy": Direction(value=0.75, unit="fraction", higher_is_better=False)
                }
            },
            "lower values are better now",
        ),
        (
            {
                "scores": {
                    "accuracy": Direction(value=-0.75, unit="fraction", higher_is_better=True)
                }
            },
            "the record says -0.75, its utterances 0.75",
        ),
    ],
)
def test_every_departure_is_named_once(changes: dict[str, object], told: str) -> None:
    found = departures(now(**changes), BEFORE)
    assert sum(told in text for text in found) == 1, found


def test_a_shorter_list_of_answers_is_named() -> None:
    ratio = Ratio(higher_is_better=True, numerator=[1.0, 0.0, 1.0], denominator=1)
    found = departures(now(ratios={"accuracy": ratio}), BEFORE)
    assert "3 test utterances were scored, in the baseline 4" in found


def test_a_single_seed_is_named() -> None:
    mixed = [measurement(0, RIGHT), measurement(1, RIGHT, n_trainable=4), measurement(2, RIGHT)]
    assert departures(mixed, BEFORE) == ["trained parameters: 4, in the baseline 3 (seed 1)"]


def test_units_may_differ_on_another_machine_only() -> None:
    elsewhere = MACHINE.model_copy(update={"cpu": "y"})
    assert departures(now(corpus="d", machine=elsewhere), BEFORE) == []
    assert "rounded" in notes(now(corpus="d", machine=elsewhere), BEFORE)[0]
    audio = now(corpus="d", machine=elsewhere, works_on_units=False)
    assert "the corpus is another one" in departures(audio, BEFORE)[0]
