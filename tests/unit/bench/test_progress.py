from __future__ import annotations

import io
import re
import sys
import time
from pathlib import Path

import pytest

from bench.errors import StorageError
from bench.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_go_to_stderr_and_to_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.txt"
    Progress(log=log).line("epoch 1")
    Progress(quiet=True, log=log).line("epoch 2")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "epoch 1\n"
    assert log.read_text() == "epoch 1\nepoch 2\n"


def test_a_log_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        Progress(quiet=True, log=tmp_path / "absent" / "log.txt").line("x")


def test_short_work_is_silent_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Progress().bar(10, "reading", "lines") as bar:
        bar.advance(5)
    assert capsys.readouterr().err == ""


def test_long_work_says_how_far_it_is_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("bench.progress.time.monotonic", lambda: now)
    with Progress().bar(1200, "epoch 1", "steps") as bar:
        for later in (60.0, 119.0, 121.0, 180.0, 242.0, 500.0):
            now = later
            bar.advance(200)
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1: 600/1,200 steps, 5.0 steps/s, 2 min to go",
        "epoch 1: 1,000/1,200 steps, 4.1 steps/s, 1 min to go",
    ]


def test_what_was_done_before_does_not_count_as_speed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.progress.SECONDS_A_LINE", 0.0)
    with Progress().bar(10_000, "epoch 1", "steps", 9_000) as bar:
        time.sleep(0.1)
        bar.advance(1)
    found = re.fullmatch(
        r"epoch 1: 9,001/10,000 steps, (\d+\.\d) steps/s, \d+ min to go\n", capsys.readouterr().err
    )
    assert found is not None
    assert float(found[1]) <= 10


def test_a_bar_shows_rate_and_remaining_time_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with Progress().bar(10, "reading", "lines") as bar:
        for _ in range(10):
            bar.advance()
    assert "reading" in terminal.getvalue()
    assert "10/10 lines" in terminal.getvalue()


def test_quiet_shows_no_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress(quiet=True).bar(10, "reading", "lines") as bar:
        bar.advance(10)
    assert terminal.getvalue() == ""
