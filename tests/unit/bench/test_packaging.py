"""The configuration files say what the tree holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import tomli

ROOT = Path(__file__).resolve().parents[3]
TOP = ("baselines", "bench", "reports", "tasks")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_of_the_tree_is_listed(project: dict[str, Any]) -> None:
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for top in TOP
        for file in (ROOT / top).rglob("__init__.py")
    }
    holding = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for top in TOP
        for file in (ROOT / top).rglob("*.py")
    }
    assert sorted(found) == project["tool"]["setuptools"]["packages"]
    assert holding == found, "a folder of modules lacks its __init__.py"


def test_every_module_of_bench_has_its_place_in_the_layers(project: dict[str, Any]) -> None:
    contract = project["tool"]["importlinter"]["contracts"][0]
    placed = {name for layer in contract["layers"] for name in re.split(r" [|:] ", layer)}
    modules = {f"bench.{file.stem}" for file in (ROOT / "bench").glob("*.py")} - {"bench.__init__"}
    packages = {f"bench.{file.parent.name}" for file in (ROOT / "bench").glob("*/__init__.py")}
    assert modules | packages == {name for name in placed if name.startswith("bench.")}
    assert {name for name in placed if "." not in name} == set(TOP) - {"bench"}
