"""docs/extending.md names every group of entry points, and no other."""

from __future__ import annotations

import re

from tests.conftest import ROOT

GROUP = re.compile(r"speechprompt_bench\.(\w+)")


def test_the_groups_that_are_told_are_those_that_are_read() -> None:
    page = (ROOT / "docs" / "extending.md").read_text("utf-8")
    read: set[str] = set()
    for top in ("baselines", "bench", "tasks"):
        for source in (ROOT / top).rglob("*.py"):
            read.update(GROUP.findall(source.read_text("utf-8")))
    assert set(GROUP.findall(page)) == read
