from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import BenchCommand


@pytest.fixture
def runs(bench: BenchCommand, corpus: Path, tmp_path: Path) -> Path:
    for method in ("majority", "bag-of-units"):
        bench("run", "--method", method, "--task", "ks", "--corpus", corpus)
    return tmp_path / "runs"


def test_real_runs_are_paired_and_the_best_is_marked(bench: BenchCommand, runs: Path) -> None:
    done = bench("compare", "--format", "json")
    (table,) = json.loads(done.stdout)["tables"]
    assert table["rows"] == ["majority", "bag-of-units"]
    majority, bag = (row[0] for row in table["cells"])
    assert bag["best"]
    assert not majority["best"]
    assert majority["p_best"] < 0.01
    assert done.stderr == ""
    assert " * " in bench("compare").stdout
    bench("compare", runs, "--format", "parquet", "--out", "table.parquet")
    assert (runs.parent / "table.parquet").read_bytes().startswith(b"PAR1")


def test_what_cannot_be_read_is_named_and_the_exit_code_tells(
    bench: BenchCommand, runs: Path
) -> None:
    (broken,) = runs.glob("*majority*/record.json")
    broken.write_text(broken.read_text()[:100])
    done = bench("compare", check=1)
    assert "bag-of-units" in done.stdout
    assert f"bench: skipped: {Path('runs') / broken.parent.name}/record.json:" in done.stderr
    assert "is not JSON" in done.stderr
    (other,) = runs.glob("*bag*/record.json")
    other.write_text("{}")
    done = bench("compare", check=1)
    assert done.stdout == ""
    assert "and 1 more that cannot be read" in done.stderr


def test_faults(bench: BenchCommand, runs: Path) -> None:
    assert "did you mean 'method'" in bench("compare", "--by", "metod", check=2).stderr
    assert "unknown task 'k'" in bench("compare", "--task", "k", check=2).stderr
    assert "is no condition" in bench("compare", "--filter", "x", check=2).stderr
    assert "needs --out" in bench("compare", "--format", "html", check=2).stderr
