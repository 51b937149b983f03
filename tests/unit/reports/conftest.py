from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pytest

from bench.records import Record
from tests.unit.bench.test_records import finished


class WriteRun(Protocol):
    """Writes a run folder with a record that differs from a plain one as told."""

    def __call__(
        self,
        name: str,
        *,
        task: str = "ks",
        method: str = "prompt",
        options: dict[str, Any] | None = None,
        value: float = 0.5,
        seed: int = 0,
        n_trainable: int = 10,
        corpus: dict[str, Any] | None = None,
    ) -> Path: ...


@pytest.fixture
def write_run(tmp_path: Path) -> WriteRun:
    def write(
        name: str,
        *,
        task: str = "ks",
        method: str = "prompt",
        options: dict[str, Any] | None = None,
        value: float = 0.5,
        seed: int = 0,
        n_trainable: int = 10,
        corpus: dict[str, Any] | None = None,
    ) -> Path:
        content = finished()
        content["task"]["name"] = task
        content["method"] = {"name": method, "options": options or {}}
        content["scores"]["accuracy"] |= {"value": value, "ci95": (value - 0.1, value + 0.1)}
        content |= {"seed": seed, "n_trainable": n_trainable}
        content["corpus"] |= {"name": task, "fingerprint": f"{task}-content", **(corpus or {})}
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(Record.model_validate(content).to_json())
        return folder

    return write
