from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from bench.check.baseline import Baseline, Entry, checked, load_baseline, write_baseline
from bench.errors import DataError, RunFailedError
from tests.unit.bench.check.making import measurement


def baseline() -> Baseline:
    runs = [measurement(seed, [1.0, 0.0, 0.5]) for seed in range(3)]
    entry = Entry(day=date(2026, 1, 2), reason="because", commit=None, moved=["x"])
    return Baseline(suite="ci", history=[entry], cells={"ks-prompt": runs})


def test_it_survives_a_round_trip_with_a_line_for_every_run(tmp_path: Path) -> None:
    file = tmp_path / "sub" / "ci.json"
    write_baseline(file, baseline())
    assert load_baseline(file) == baseline()
    lines = file.read_text().splitlines()
    assert sum('"seed":' in line for line in lines) == 3
    assert '"numerator":[1,0,0.5]' in lines[-6]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "it is not JSON"),
        ("[]", "is no baseline"),
        ('{"schema_version": 7}', "is a baseline of version 7"),
        ('{"schema_version": 1, "suite": "x", "history": [], "cells": {}}', "no measurement"),
    ],
)
def test_a_damaged_one_is_named(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "ci.json"
    file.write_text(text)
    with pytest.raises(DataError) as caught:
        load_baseline(file)
    assert told in str(caught.value)
    assert "--update" in str(caught.value)


def test_an_unknown_field_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ci.json"
    write_baseline(file, baseline())
    content = json.loads(file.read_text())
    content["cells"]["ks-prompt"][0]["more"] = 1
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"cells\.ks-prompt\.0\.more"):
        load_baseline(file)


def test_there_may_be_none(tmp_path: Path) -> None:
    assert load_baseline(tmp_path / "ci.json") is None


def test_runs_that_drift_or_differ_in_their_test_set_make_no_baseline() -> None:
    good = measurement(0, [1.0])
    checked({"a": [good, measurement(1, [0.0])]})
    with pytest.raises(RunFailedError, match="frozen weights changed"):
        checked({"a": [good, measurement(1, [1.0], frozen_after="v")]})
    with pytest.raises(RunFailedError, match="different utterances"):
        checked({"a": [good, measurement(1, [1.0], utterances="v")]})
