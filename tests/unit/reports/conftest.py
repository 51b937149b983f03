from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pytest

from bench.records import Record
from bench.utterance_statistics import Ratio, UtteranceStatistics
from tests.unit.bench.test_records import finished


class WriteRun(Protocol):
    """Writes a run folder with a record that differs from a plain one as told.

    `right` says which utterances were answered rightly, and decides the value.
    """

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
        model: dict[str, Any] | None = None,
        metric: str = "accuracy",
        shots: int | None = None,
        right: list[int] | None = None,
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
        model: dict[str, Any] | None = None,
        metric: str = "accuracy",
        shots: int | None = None,
        right: list[int] | None = None,
    ) -> Path:
        if right is not None:
            value = sum(right) / len(right)
        content = finished()
        content["task"]["name"] = task
        score = content["scores"].pop("accuracy")
        content["primary"] = metric
        content["scores"][metric] = score | {
            "value": value,
            "ci95": (value - 0.1, value + 0.1),
            "higher_is_better": metric != "wer",
        }
        content["method"] = {"name": method, "options": options or {}}
        content |= {"seed": seed, "n_trainable": n_trainable}
        if method in {"majority", "bag-of-units"}:
            model = {"name": "none", "fingerprint": "none", "n_total": 0}
        content["model"] |= model or {}
        data: dict[str, Any] = {"name": task, "fingerprint": f"{task}-content"}
        if shots is not None:
            data |= {"fingerprint": f"{task}-{shots}-{seed}", "notes": {"shots": shots}}
        content["corpus"] |= {**data, **(corpus or {})}
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(Record.model_validate(content).to_json())
        if right is not None:
            ratio = Ratio(higher_is_better=metric != "wer", numerator=list(right), denominator=1)
            statistics = UtteranceStatistics(
                utterances=f"{task}-{len(right)}", n=len(right), metrics={metric: ratio}
            )
            (folder / "statistics.json").write_text(statistics.to_json())
        return folder

    return write
