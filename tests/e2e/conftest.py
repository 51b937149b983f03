from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BenchCommand, UnitsFolder


@pytest.fixture
def bench(bench: BenchCommand, tmp_path: Path, bench_environment: dict[str, str]) -> BenchCommand:
    """`bench` with one more distribution installed, whose method `slow` is `slow_method.py`."""
    info = tmp_path / "site" / "slow_method-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-method\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[speechprompt_bench.methods]\nslow = tests.e2e.slow_method:ENTRY\n"
    )
    bench_environment["PYTHONPATH"] += f":{info.parent}"
    return bench


@pytest.fixture
def corpus(units_folder: UnitsFolder) -> Path:
    return units_folder("ks")


def only_run(out: Path) -> Path:
    """The one run folder in `out`."""
    (folder,) = out.iterdir()
    return folder


def lasting(folder: Path) -> dict[str, Any]:
    """A record without what differs from one undisturbed run to the next."""
    record: dict[str, Any] = json.loads((folder / "record.json").read_text())
    del record["started"], record["ended"], record["versions"]
    for name in ("prepare_s", "train_s", "eval_s", "utt_per_s", "peak_rss_bytes"):
        del record["cost"][name]
    return record
