from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.comparison import Comparison, compare
from reports.reading import read_runs
from reports.rendering import render
from tests.unit.reports.conftest import WriteRun


@pytest.fixture
def comparison(write_run: WriteRun, tmp_path: Path) -> Comparison:
    write_run("1", value=0.94567, n_trainable=77160)
    write_run("2", value=0.25, method="majority", seed=0, n_trainable=0)
    write_run("3", value=0.35, method="majority", seed=1, n_trainable=0)
    write_run("4", value=0.5, corpus={"name": "other", "fingerprint": "x"})
    return compare(read_runs([tmp_path / "runs"]))


def test_terminal(comparison: Comparison) -> None:
    lines = render(comparison, "terminal").splitlines()
    assert lines[0].startswith("method")
    assert "ks accuracy (ks), better: up" in lines[0]
    assert set(lines[1]) == {"-", " "}
    assert " ".join(lines[2].split()) == "majority on g 30.00 % ± 7.07 (2 seeds) 0"
    assert " ".join(lines[3].split()) == "prompt on g 94.57 % [84.57, 104.57] 77,160"
    assert "ks: corpus 'other', not 'ks'; scores on different data do not compare" in lines


def test_markdown(comparison: Comparison) -> None:
    lines = render(comparison, "markdown").splitlines()
    assert lines[1] == "| --- | ---: | ---: |"
    assert lines[2] == "| majority on g | 30.00 % ± 7.07 (2 seeds) | 0 |"


def test_json_is_unrounded(comparison: Comparison) -> None:
    content = json.loads(render(comparison, "json"))
    assert content["tables"][0]["cells"][1][0]["value"] == 0.94567
    assert len(content["tables"]) == 2
