from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.check import measuring
from bench.check.folder import CheckFolder
from bench.check.frozen import fingerprint
from bench.check.kernels import Kernels
from bench.check.measuring import measure
from bench.check.step_clock import StepClock
from bench.check.suite import load_suite
from bench.errors import RunFailedError, UsageError
from bench.progress import Progress
from tests.e2e.gates import make_gate


def test_a_run_leaves_all_that_it_is_compared_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (cell,) = load_suite(str(make_gate(tmp_path, speed=True, n_train=40, epochs=1))).cells
    kept = measure(cell, 3, tmp_path / "runs")
    found = kept.measured
    assert found.seed == 3
    assert found.n == {"train": 40, "valid": 40, "test": 120}
    assert len(found.ratios["accuracy"].numerator) == 120
    assert found.frozen_before == found.frozen_after is not None
    assert found.speed.keys() == {"training", "inference"}
    assert found.speed["training"].keys() == {"products", "recurrent", "dispatch"}
    assert found.train_loss is not None
    assert "gslm" not in found.options, "where it lies decides nothing"
    assert (Path(kept.folder) / "record.json").exists()


def test_a_cells_threads_are_not_left_to_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (cell,) = load_suite(str(make_gate(tmp_path, speed=True, n_train=4))).cells
    seen = []

    def failing(*_: object) -> None:
        seen.append(torch.get_num_threads())
        raise RunFailedError("stopped")

    monkeypatch.setattr(measuring, "run", failing)
    before = torch.get_num_threads()
    for threads in (before + 1, None):
        own = cell.request.model_copy(update={"threads": threads})
        with pytest.raises(RunFailedError, match="stopped"):
            measure(cell.model_copy(update={"request": own}), 0, tmp_path / "runs")
    assert seen == [before + 1, before]


def test_a_fingerprint_sees_a_single_changed_weight() -> None:
    class Holder:
        def __init__(self) -> None:
            self.weight = torch.arange(6.0).reshape(2, 3)

        def frozen_tensors(self) -> dict[str, torch.Tensor]:
            return {"w": self.weight}

    holder = Holder()
    before = fingerprint(holder)  # type: ignore[arg-type]
    assert before == fingerprint(holder)  # type: ignore[arg-type]
    holder.weight[1, 2] += 1e-6
    assert before != fingerprint(holder)  # type: ignore[arg-type]
    assert fingerprint(object()) is None  # type: ignore[arg-type]


def test_steps_are_timed_without_the_reference_work_between_them() -> None:
    now = 0.0

    def clock() -> float:
        return now

    class Slow(Kernels):
        def __init__(self) -> None:
            pass

        def time_s(self) -> dict[str, float]:
            nonlocal now
            now += 100.0
            return {"products": 100.0}

    steps = StepClock(Slow(), clock)
    with steps.bar(3, "epoch 1", "batches") as bar:
        for _ in range(3):
            now += 2.0
            bar.advance()
    with steps.bar(3, "answering", "utterances") as bar:
        bar.advance()
    assert [one.work_s for one in steps.steps] == [2.0] * 3
    assert isinstance(steps, Progress)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    suite = load_suite("ci")
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(UsageError, match="no check made it"):
        CheckFolder(tmp_path).start(suite, resume=False)
    assert (tmp_path / "mine.txt").exists()
    folder = CheckFolder(tmp_path / "new")
    folder.start(suite, resume=False)
    (folder.runs / "old").mkdir()
    folder.start(suite, resume=True)
    assert (folder.runs / "old").exists()
    folder.start(suite, resume=False)
    assert not (folder.runs / "old").exists()
