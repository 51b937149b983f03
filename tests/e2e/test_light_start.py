from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import bench_process

HEAVY = ("torch", "numpy", "sklearn", "scipy", "pydantic", "rich", "yaml", "matplotlib", "jinja2")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["list", "tasks"],
        ["run", "--help"],
        ["plot", "--help"],
        ["compare", "--help"],
        ["check", "--help"],
    ],
)
def test_help_and_lists_start_fast_and_import_nothing_heavy(
    arguments: list[str], tmp_path: Path, bench_environment: dict[str, str]
) -> None:
    script = (
        "import sys\n"
        "from bench.cli import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "except SystemExit:\n"
        "    pass\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=bench_environment,
        cwd=tmp_path,
        check=True,
    )
    assert told.stdout.splitlines()[-1] == "HEAVY []"
    best = float("inf")
    for _ in range(10):
        since = time.perf_counter()
        subprocess.run(
            bench_process(arguments),
            capture_output=True,
            env=bench_environment,
            cwd=tmp_path,
            check=True,
        )
        best = min(best, time.perf_counter() - since)
        if best < 0.3:
            break
    assert best < 0.3
