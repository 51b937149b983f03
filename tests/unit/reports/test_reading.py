from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.errors import DataError, MissingError
from bench.migrations import CURRENT
from reports.reading import read_runs
from tests.unit.reports.conftest import WriteRun


def test_folders_of_runs_and_runs_are_read_once_each(write_run: WriteRun, tmp_path: Path) -> None:
    one, two = write_run("b"), write_run("a")
    (tmp_path / "runs" / "not-a-run").mkdir()
    reading = read_runs([tmp_path / "runs", one])
    assert [run.folder for run in reading.runs] == [two, one]
    assert reading.unreadable == reading.unended == ()


def test_a_run_named_by_two_paths_is_one(
    write_run: WriteRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_run("a")
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    running = tmp_path / "runs" / "running"
    running.mkdir()
    (running / "config.yaml").write_text("")
    reading = read_runs([folder, Path("runs"), tmp_path / "link", tmp_path / "runs"])
    assert [run.folder for run in reading.runs] == [folder]
    assert len(reading.unended) == 1


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="there is no such folder"):
        read_runs([tmp_path / "absent"])
    with pytest.raises(MissingError, match="there is no record"):
        read_runs([tmp_path])


def test_what_cannot_be_read_is_named_and_passed_over(write_run: WriteRun, tmp_path: Path) -> None:
    good = write_run("good")
    text = (good / "record.json").read_text()
    newer = json.dumps({**json.loads(text), "schema_version": CURRENT + 1})
    faults = {
        "corrupt": ("{}", "schema_version: is missing"),
        "newer": (
            newer,
            f"has schema_version {CURRENT + 1}; this version of bench reads {CURRENT}",
        ),
        "truncated": (text[: len(text) // 2], "is not JSON"),
        "twisted": (text.replace('"seed": 0', '"seed": "x"'), "seed: Input should be a valid"),
    }
    for name, (content, _) in faults.items():
        (write_run(name) / "record.json").write_text(content)
    running = tmp_path / "runs" / "running"
    running.mkdir()
    (running / "config.yaml").write_text("")
    reading = read_runs([tmp_path / "runs"])
    assert [run.folder for run in reading.runs] == [good]
    told = {Path(where.partition("/record.json")[0]).name: why for where, why in reading.unreadable}
    assert told.keys() == faults.keys()
    for name, (_, reason) in faults.items():
        assert told[name].startswith(reason)
    assert reading.unended == ((str(running), reading.unended[0].why),)
    assert "killed" in reading.unended[0].why


def test_nothing_but_faults_is_an_error(write_run: WriteRun, tmp_path: Path) -> None:
    (write_run("a") / "record.json").write_text("{}")
    (write_run("b") / "record.json").write_text("{}")
    with pytest.raises(DataError, match=r"runs/a/record\.json: .*and 1 more") as caught:
        read_runs([tmp_path / "runs"])
    assert caught.value.hint is not None
