from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.errors import UnknownNameError, UsageError
from bench.registry import Registry


def test_names_keep_table_order() -> None:
    registry = Registry("thing", {"b": 1, "a": 2})
    assert registry.names() == ("b", "a")
    assert registry.get("a") == 2


def test_unknown_name_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown thing 'alpa'\n  did you mean 'alpha'"):
        Registry("thing", {"alpha": 1}).get("alpa")


def test_duplicate_is_an_error() -> None:
    registry = Registry("thing", {"a": 1})
    with pytest.raises(UsageError, match="registered twice"):
        registry.register("a", 2)
    registry.register("b", 2)
    assert registry.get("b") == 2


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed distribution with entry points `extra` (good) and, when asked, bad ones."""
    (tmp_path / "outside_things.py").write_text("THING = 7\n")
    info = tmp_path / "outside_things-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside-things\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "outside_things", raising=False)
    return info / "entry_points.txt"


def test_outsiders_register_through_entry_points(outside: Path) -> None:
    outside.write_text("[bench_test.things]\nextra = outside_things:THING\n")
    registry = Registry("thing", {"a": 1}, "bench_test.things")
    assert registry.get("a") == 1
    assert "outside_things" not in sys.modules, "a name of the table costs no import"
    assert registry.get("extra") == 7
    assert registry.names() == ("a", "extra")


def test_an_entry_point_may_not_take_a_name_of_the_table(outside: Path) -> None:
    outside.write_text("[bench_test.things]\na = outside_things:THING\n")
    with pytest.raises(UsageError, match=r"outside_things:THING.*registered twice"):
        Registry("thing", {"a": 1}, "bench_test.things").names()


def test_a_broken_entry_point_is_named(outside: Path) -> None:
    outside.write_text("[bench_test.things]\nbroken = outside_things:NOTHING\n")
    with pytest.raises(UsageError, match="'broken' cannot be loaded"):
        Registry("thing", {"a": 1}, "bench_test.things").get("broken")
