from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines import fitting
from baselines.fitting import Fitting, Indices, Plan
from bench.errors import CheckpointError, RunFailedError
from bench.method import Job
from bench.random import numpy_generator
from bench.records import TrainRecord
from tests.unit.baselines.conftest import MakeJob

PLAN = Plan(rates=(1e-4, 1e-1), max_epochs=60, max_minutes=None, patience=3, clip_norm=1.0)


class KilledError(Exception):
    """Stands for a kill."""


class Line(nn.Linear):
    """A line that works its gradients out itself, so that all trials go side by side."""

    def differentiate(self, x: Tensor, y: Tensor) -> Tensor:
        loss = nn.functional.cross_entropy(self(x), y)
        gradients = torch.autograd.grad(loss, [self.weight, self.bias])
        for p, gradient in zip((self.weight, self.bias), gradients, strict=True):
            assert p.grad is not None
            p.grad.copy_(gradient)
        return loss


class Two:
    """Two classes parted by a line; `stops_at` kills the training at a step."""

    def __init__(
        self, job: Job, stops_at: int | None = None, kind: type[nn.Linear] = nn.Linear
    ) -> None:
        self.job, self.stops_at, self.n_losses, self.kind = job, stops_at, 0, kind
        self.lock = threading.Lock()
        self.x = torch.from_numpy(numpy_generator(0, "x").standard_normal((40, 2))).float()
        self.y = (self.x.sum(dim=1) > 0).long()

    def start(self) -> nn.Module:
        module = self.kind(2, 2)
        with torch.no_grad():
            module.weight.fill_(0.1)
            module.weight[0, 0] = 0.3
            module.bias.zero_()
        return module

    def batches(self, epoch: int) -> Sequence[Indices]:
        order = numpy_generator(self.job.seed, "batches", epoch).permutation(40)
        return [order[i : i + 4] for i in range(0, 40, 4)]

    def read(self, batch: Indices) -> tuple[Tensor, Tensor]:
        rows = torch.from_numpy(batch)
        return self.x[rows], self.y[rows]

    def loss(self, module: nn.Module, read: tuple[Tensor, Tensor], step: int) -> Tensor:
        with self.lock:
            if self.n_losses == self.stops_at:
                raise KilledError
            self.n_losses += 1
        if isinstance(module, Line):
            return module.differentiate(*read)
        return nn.functional.cross_entropy(module(read[0]), read[1])

    def answer_valid(self, module: nn.Module) -> list[tuple[str, ...]]:
        with torch.no_grad():
            return [("ab"[i],) for i in module(self.x).argmax(dim=1).tolist()]


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    y = Two.__new__(Two)
    Two.__init__(y, None)  # type: ignore[arg-type]
    return make_job("ks", [("ab"[i],) for i in y.y.tolist()], audio=True)


def trained(problem: Two, plan: Plan = PLAN) -> tuple[TrainRecord, Fitting]:
    fit = Fitting(problem, plan, problem.job, {"plan": 1})
    return fit.run(), fit


def test_the_better_rate_is_chosen_and_every_trial_is_in_the_record(job: Job) -> None:
    record, fit = trained(Two(job))
    slow, fast = record.search
    assert [trial["lr"] for trial in record.search] == [1e-4, 1e-1]
    assert fast["valid_score"] > 0.95 > slow["valid_score"]
    assert record.best_epoch == fast["best_epoch"]
    assert record.epochs == slow["epochs"] + fast["epochs"]
    assert record.steps == 10 * record.epochs
    assert slow["epochs"] <= 60
    rows = [json.loads(row) for row in (job.folder / "train.jsonl").read_text().splitlines()]
    assert max(row["valid_score"] for row in rows) == fast["valid_score"]
    module = nn.Linear(2, 2)
    module.load_state_dict(fit.best)
    score = np.mean(
        [
            a == u.symbols
            for a, u in zip(Two(job).answer_valid(module), job.corpus.valid, strict=True)
        ]
    )
    assert score == fast["valid_score"]


def test_patience_ends_a_trial(job: Job) -> None:
    record, _ = trained(Two(job), replace(PLAN, rates=(1e-1,), max_epochs=1000))
    (trial,) = record.search
    assert trial["epochs"] == trial["best_epoch"] + 3 * 10 < 1000, "a round is 100 steps"


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_trials_side_by_side_are_those_that_run_alone(
    job: Job, threads: int, request: pytest.FixtureRequest
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    request.addfinalizer(lambda: torch.set_num_threads(before))
    rates = (1e-4, 1e-1, 5e-1)
    alone = []
    for rate in rates:
        record, fit = trained(Two(job, kind=Line), replace(PLAN, rates=(rate,)))
        alone.append((record.search[0], (job.folder / "train.jsonl").read_text(), fit))
    found, together = trained(Two(job, kind=Line), replace(PLAN, rates=rates))
    assert found.search == [entry for entry, _, _ in alone]
    assert len({entry["epochs"] for entry in found.search}) > 1, "one ends before the others"
    assert (job.folder / "train.jsonl").read_text() == "".join(curve for _, curve, _ in alone)
    scores = [entry["valid_score"] for entry in found.search]
    assert scores.count(max(scores)) > 1, "two are equally good: the first of them is kept"
    first = scores.index(max(scores))
    assert found.best_epoch == found.search[first]["best_epoch"]
    for name, tensor in alone[first][2].best.items():
        assert torch.equal(together.best[name], tensor)


def losses_after_a_kill(
    whole: TrainRecord, fit: Fitting, stops_at: int, folder: Path, kind: type[nn.Linear] = nn.Linear
) -> int:
    """Kills such a training elsewhere, and resumes it to the same end; gives the steps it took."""
    other = replace(fit.job, folder=folder, resume=True)
    folder.mkdir()
    with pytest.raises(KilledError):
        trained(Two(other, stops_at, kind))
    resumed = Two(other, kind=kind)
    again, fit_again = trained(resumed)
    assert again == whole
    curves = [(job.folder / "train.jsonl").read_text() for job in (fit.job, other)]
    assert curves[0] == curves[1]
    assert all(torch.equal(fit.best[name], fit_again.best[name]) for name in fit.best)
    return resumed.n_losses


@pytest.mark.parametrize("kind", [nn.Linear, Line])
@pytest.mark.parametrize("stops_at", [5, 105, 450, 590, 605, 700])
def test_a_killed_training_ends_as_an_undisturbed_one(
    job: Job,
    stops_at: int,
    kind: type[nn.Linear],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(fitting, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(fitting, "SAVING_SHARE", float("inf"))
    whole, fit = trained(Two(job, kind=kind))
    n_losses = losses_after_a_kill(whole, fit, stops_at, tmp_path / "other", kind)
    saved = stops_at // 100 * 100
    if kind is Line:  # a round of both trials is 200 steps
        saved = stops_at // 200 * 200
    assert n_losses == whole.steps - saved, "no round was trained twice"


@pytest.mark.parametrize("stops_at", [3, 45, 109, 596])
def test_a_training_killed_within_an_epoch_goes_on_within_it(
    job: Job, stops_at: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fitting, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(fitting, "SAVING_SHARE", float("inf"))
    whole, fit = trained(Two(job))
    monkeypatch.setattr(fitting, "STRETCH", 2)
    n_losses = losses_after_a_kill(whole, fit, stops_at, tmp_path / "other")
    begun = stops_at % 10  # an epoch has ten steps; at its end nothing is saved
    assert n_losses == whole.steps - (stops_at - begun + min(8, begun // 2 * 2))


def test_a_finished_training_is_not_repeated(job: Job) -> None:
    whole, _ = trained(Two(job))
    job.resume = True
    again = Two(job)
    assert trained(again)[0] == whole
    assert again.n_losses == 0


def test_the_checkpoint_of_another_training_is_refused(job: Job) -> None:
    trained(Two(job))
    job.resume = True
    with pytest.raises(CheckpointError, match="identity"):
        Fitting(Two(job), PLAN, job, {"plan": 2}).run()


@pytest.mark.parametrize("kind", [nn.Linear, Line])
def test_a_rate_that_diverges_loses_and_alone_it_is_an_error(
    job: Job, kind: type[nn.Linear]
) -> None:
    class Bursting(Two):
        def loss(self, module: nn.Module, read: tuple[Tensor, Tensor], step: int) -> Tensor:
            loss = super().loss(module, read, step)
            bursts = any(t.module is module and t.rate > 1 for t in fit.under_way)
            return loss / 0 if bursts else loss

    problem = Bursting(job, kind=kind)
    fit = Fitting(problem, replace(PLAN, rates=(10.0, 1e-1)), job, {})
    record = fit.run()
    assert record.search[0] == {
        "lr": 10.0,
        "valid_score": None,
        "best_epoch": 0,
        "epochs": 1,
        "diverged": True,
    }
    assert not record.search[1]["diverged"]
    fit = Fitting(problem, replace(PLAN, rates=(10.0,)), job, {})
    with pytest.raises(RunFailedError, match="every learning rate"):
        fit.run()


@pytest.mark.parametrize("kind", [nn.Linear, Line])
def test_the_clock_ends_a_trial(job: Job, kind: type[nn.Linear]) -> None:
    record, _ = trained(Two(job, kind=kind), replace(PLAN, max_minutes=1e-9, max_epochs=1000))
    assert [trial["epochs"] for trial in record.search] == [1, 1]
