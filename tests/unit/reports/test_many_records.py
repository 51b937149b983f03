from __future__ import annotations

import time
from pathlib import Path

from reports.comparison import compare
from reports.formats.kinds import render
from reports.grid import WHATS
from reports.reading import read_runs
from tests.unit.reports.conftest import WriteRun

N = 2_000


def test_two_thousand_records_compare_within_ten_seconds(
    write_run: WriteRun, tmp_path: Path
) -> None:
    """Five tasks, forty settings of a method, ten seeds, each with its utterances."""
    for i in range(N):
        task, setting, seed = i % 5, i // 5 % 40, i // 200
        right = [int((k * 7 + setting + seed) % 10 < 8) for k in range(100)]
        write_run(f"{i}", task=f"task{task}", options={"rank": setting}, seed=seed, right=right)
    start = time.process_time()
    comparison = compare(read_runs([tmp_path / "runs"]))
    text = render(comparison, "markdown", WHATS)
    took = time.process_time() - start
    assert isinstance(text, str)
    assert text.count("(10 seeds)") == N / 10
    assert took < 10
