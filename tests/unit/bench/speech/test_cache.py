from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.errors import DataError, StorageError
from bench.speech.cache import Cache, Key

KEY: Key = {"upstream": "x", "gain_db": -3.0}


def fill(folder: Path) -> None:
    (folder / "value").write_text("7")


def test_an_entry_is_built_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.find("kind", KEY) is None
    built = []

    def build(folder: Path) -> None:
        built.append(folder)
        fill(folder)

    first = cache.folder("kind", KEY, build)
    assert (first / "value").read_text() == "7"
    assert cache.folder("kind", dict(sorted(KEY.items())), build) == first
    assert cache.find("kind", KEY) == first
    assert cache.find("other", KEY) is None
    assert cache.find("kind", {**KEY, "gain_db": 0.0}) is None
    assert len(built) == 1
    cache.drop("kind", KEY)
    assert cache.find("kind", KEY) is None


def test_a_build_that_fails_leaves_no_entry(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        fill(folder)
        raise DataError("bad audio")

    with pytest.raises(DataError, match="bad audio"):
        Cache(tmp_path).folder("kind", KEY, build)
    assert Cache(tmp_path).find("kind", KEY) is None
    assert [p.name for p in (tmp_path / "kind").rglob("*") if p.is_file()] == [".content.lock"]


SCRIPT = """
import sys, time
from pathlib import Path
from bench.speech.cache import Cache
def build(folder):
    (folder / "value").write_text("half")
    with open(sys.argv[2], "a") as log: log.write("built\\n")
    time.sleep(float(sys.argv[3]))
    (folder / "value").write_text("whole")
print((Cache(Path(sys.argv[1])).folder("kind", {"k": 1}, build) / "value").read_text())
"""


def builder(tmp_path: Path, seconds: float) -> subprocess.Popen[str]:
    places = [str(tmp_path / name) for name in ("cache", "log")]
    command = [sys.executable, "-c", SCRIPT, *places, str(seconds)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_of_two_processes_one_builds_and_a_killed_one_is_replaced(tmp_path: Path) -> None:
    killed = builder(tmp_path, 60)
    while not (tmp_path / "log").exists():
        time.sleep(0.02)
    assert Cache(tmp_path / "cache").find("kind", {"k": 1}) is None, "half an entry is none"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    others = [builder(tmp_path, 0.3) for _ in range(2)]
    assert [other.communicate(timeout=60)[0].strip() for other in others] == ["whole", "whole"]
    assert (tmp_path / "log").read_text() == "built\n" * 2, "the killed one and one other"
    assert not list((tmp_path / "cache").rglob("*.tmp"))


def test_the_environment_names_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "there"))
    assert Cache().folder("kind", KEY, fill).is_relative_to(tmp_path / "there")
    monkeypatch.delenv("BENCH_CACHE")
    assert Cache().root == Path.home() / ".cache" / "speechprompt-bench"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="BENCH_CACHE names another place"):
        Cache(tmp_path / "file").folder("kind", KEY, fill)
