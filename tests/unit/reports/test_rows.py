from __future__ import annotations

from pathlib import Path

import pytest

from reports.bodies import bodies, by_task
from reports.reading import read_runs
from reports.rows import Rows
from tests.unit.reports.conftest import WriteRun


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def named(runs: Path, *merged: str) -> tuple[list[str], tuple[str, ...]]:
    read = read_runs([runs]).runs
    groups = [group for same in by_task(read).values() for group in bodies(same)]
    rows = Rows(groups, merged)
    return [rows.name(run.record) for run in read], rows.settings(groups)


def test_a_preset_that_differs_from_task_to_task_splits_no_row(
    write_run: WriteRun, runs: Path
) -> None:
    write_run("1", options={"prompt_length": 5, "loss": "labels"})
    write_run("2", task="ic", options={"prompt_length": 6, "loss": "labels"})
    names, settings = named(runs)
    assert names == ["prompt on g", "prompt on g"]
    assert settings == ("prompt: prompt-length 6 (ic), 5 (ks)",)


def test_an_option_that_differs_on_the_same_data_splits(write_run: WriteRun, runs: Path) -> None:
    write_run("1", options={"prompt_length": 5})
    write_run("2", options={"prompt_length": 20})
    write_run("3", task="ic", options={"prompt_length": 5})
    names, settings = named(runs)
    assert names == [f"prompt on g prompt-length={n}" for n in (5, 20, 5)]
    assert settings == ()


def test_an_option_that_differs_between_models_alone_splits_no_row(
    write_run: WriteRun, runs: Path
) -> None:
    write_run("1", options={"prompt_length": 30, "lr": 1}, model={"name": "a"})
    write_run("2", options={"prompt_length": 31, "lr": 1}, model={"name": "b"})
    names, settings = named(runs)
    assert names == ["prompt on a", "prompt on b"]
    assert settings == ("prompt: prompt-length 30 (on a), 31 (on b)",)

    write_run("3", task="ic", options={"prompt_length": 31, "lr": 1}, model={"name": "a"})
    assert named(runs)[1] == ("prompt: prompt-length 31 (ic on a, ks on b), 30 (ks on a)",)

    write_run("4", options={"prompt_length": 31, "lr": 2}, model={"name": "b"})
    names, settings = named(runs)
    assert names == [f"prompt on {row}" for row in ("a lr=1", "b lr=1", "a lr=1", "b lr=2")]
    assert settings == ("prompt: prompt-length 31 (ic on a, ks on b), 30 (ks on a)",)


def test_an_option_unknown_to_one_of_two_runs_splits(write_run: WriteRun, runs: Path) -> None:
    write_run("1", options={})
    write_run("2", options={"rank": 4})
    assert named(runs)[0] == ["prompt on g rank=null", "prompt on g rank=4"]


def test_two_models_of_one_name_are_told_apart_by_content(write_run: WriteRun, runs: Path) -> None:
    write_run("1", options={"lr": 1})
    write_run("2", options={"lr": 1}, model={"fingerprint": "0123456789"})
    assert named(runs)[0] == ["prompt on g (cdcdcdcd)", "prompt on g (01234567)"]


def test_the_axis_of_a_figure_splits_no_row(write_run: WriteRun, runs: Path) -> None:
    write_run("1", options={"prompt_length": 5, "lr": 1})
    write_run("2", options={"prompt_length": 20, "lr": 2})
    assert named(runs, "prompt_length")[0] == ["prompt on g lr=1", "prompt on g lr=2"]
