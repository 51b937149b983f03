from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import DataError, MissingError
from reports.reading import read_runs
from tests.unit.reports.conftest import WriteRun


def test_folders_of_runs_and_runs_are_read_once_each(write_run: WriteRun, tmp_path: Path) -> None:
    one, two = write_run("b"), write_run("a")
    (tmp_path / "runs" / "unfinished").mkdir()
    runs = read_runs([tmp_path / "runs", one])
    assert [run.folder for run in runs] == [two, one]


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="there is no such folder"):
        read_runs([tmp_path / "absent"])
    with pytest.raises(MissingError, match="there is no record"):
        read_runs([tmp_path])


def test_a_malformed_record_is_not_passed_over(write_run: WriteRun, tmp_path: Path) -> None:
    (write_run("a") / "record.json").write_text("{}")
    with pytest.raises(DataError, match=r"runs/a/record\.json"):
        read_runs([tmp_path / "runs"])
