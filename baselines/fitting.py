"""The training loop of the comparison methods.

Adam, a search over learning rates on validation, early stopping, exact resumption.

Every trial starts from the same weights and sees the same batches; only the learning rate differs.
Trials run one after another, or, where a step is so small that a second thread gains it nothing,
side by side; which of the two changes no result. The best round of all trials is kept, of the first
rate that reached it. Whatever is random is derived from the seed and the step, so a resumed run
needs no generator state.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.side_by_side import through_batches
from baselines.updates import Updates
from bench.checkpoint import load_checkpoint, save_checkpoint
from bench.errors import RunFailedError
from bench.files import write_atomic
from bench.method import Job
from bench.records import TrainRecord
from bench.threads import one_thread
from tasks.metrics.registry import METRICS

MIN_STEPS_A_ROUND = 100
"""Validation comes after whole epochs that make at least this many steps."""
SAVE_EVERY_S = 10.0
"""A checkpoint is written after a round and, of a trial by itself, within an epoch, but not more
often than this; and after every trial (trials side by side: after the last of them)."""
STRETCH = 20
"""Batches between looks at whether a checkpoint is due."""
SAVING_SHARE = 0.05
"""Of the time that saving may take where checkpoints are large."""

Indices = NDArray[np.int64]


@runtime_checkable
class HasGradients(Protocol):
    """A module that works its gradients out itself, faster than autograd does."""

    def differentiate(self, *arguments: Any) -> Tensor:
        """The loss of such arguments; its gradients are left in every trained parameter."""
        ...


class Problem(Protocol):
    """What is trained."""

    def start(self) -> nn.Module:
        """A module with fresh weights, the same at every call."""
        ...

    def batches(self, epoch: int) -> Sequence[Indices]:
        """The training batches of an epoch (counted from 0), as indices."""
        ...

    def read(self, batch: Indices) -> Any:
        """What the losses of a batch need, whatever the module."""
        ...

    def loss(self, module: nn.Module, read: Any, step: int) -> Tensor:
        """The loss of one step (counted from 0); of a module that `HasGradients`, with those."""
        ...

    def answer_valid(self, module: nn.Module) -> list[tuple[str, ...]]:
        """The module's answers to the validation set."""
        ...


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How it is trained.

    Attributes:
        rates: learning rates to try.
        max_epochs: of one trial.
        max_minutes: of all trials together, shared equally; None for no limit.
        patience: rounds without a better score before a trial stops.
        clip_norm: of the gradient.
        betas: Adam's.
        warmup_steps: the rate rises linearly to its peak over these, then falls with the inverse
            square root of the step (fairseq's `inverse_sqrt`); 0: it is constant.
        fixed_rates: first letters of parameters' names -> a rate that is theirs in every trial.
    """

    rates: tuple[float, ...]
    max_epochs: int
    max_minutes: float | None
    patience: int
    clip_norm: float
    betas: tuple[float, float] = (0.9, 0.999)
    warmup_steps: int = 0
    fixed_rates: Mapping[str, float] = field(default_factory=dict)

    def peak(self, name: str, rate: float) -> float:
        """The highest rate of a parameter in the trial of `rate`."""
        return next(
            (own for start, own in self.fixed_rates.items() if name.startswith(start)), rate
        )

    def share(self, step: int) -> float:
        """What part of its peak a rate has at a step (counted from 0)."""
        if self.warmup_steps == 0:
            return 1.0
        done = (step + 1) / self.warmup_steps
        return min(done, 1 / math.sqrt(done))


@dataclass
class _Trial:
    """A training with one learning rate, under way.

    Attributes:
        index: of the rate.
        named: the trained parameters.
        score: the best so far, higher is better.
        best_epoch: where that was; 0: nowhere yet.
        without_gain: rounds since.
        losses: of the epochs since the last validation.
        total: of the losses of the epoch's steps so far.
    """

    index: int
    rate: float
    module: nn.Module
    named: dict[str, nn.Parameter]
    updates: Updates
    score: float = -math.inf
    best_epoch: int = 0
    without_gain: int = 0
    losses: list[float] = field(default_factory=list)
    total: float = 0.0


class Fitting:
    """One training.

    Args:
        problem: what.
        plan: how.
        job: where, with which seed, for which metric.
        identity: what a checkpoint must agree with.

    Attributes:
        best: the weights of the best round, by name.
        under_way: the trials that run side by side now.
        epoch: whole epochs that these have made; `step`, `elapsed_s` likewise.
        epoch_steps: steps of the epoch that has begun.
        round_step: the step at which the round began.
    """

    def __init__(self, problem: Problem, plan: Plan, job: Job, identity: dict[str, Any]) -> None:
        self.problem, self.plan, self.job, self.identity = problem, plan, job, identity
        self.metric = METRICS.get(job.task.primary)
        self.sign = 1.0 if self.metric.higher_is_better else -1.0
        self.references = [u.symbols for u in job.corpus.valid]
        self.ended: dict[int, dict[str, Any]] = {}
        self.curves: dict[int, list[dict[str, Any]]] = {}
        self.best: dict[str, Tensor] = {}
        self.best_key = (-math.inf, -len(plan.rates))  # signed score, minus the trial's index
        self.epochs = self.steps = 0
        self._threads = 1
        self._saved_at, self._saving_s = time.monotonic(), 0.0
        self._ticked_at = time.perf_counter()
        self._begin(0)

    @property
    def checkpoint(self) -> Path:
        """The checkpoint's file."""
        return self.job.folder / "checkpoint" / "state.safetensors"

    def run(self) -> TrainRecord:
        """Trains all trials, and gives the record; the best weights are in `best`.

        Raises:
            RunFailedError: if every trial's loss left the finite numbers.
        """
        if self.job.resume and self._restore() and self.under_way:
            first = self.under_way[0].index + 1
            place = f" and {self.epoch_steps} batches" if self.epoch_steps else ""
            self.job.progress.line(f"continuing trial {first} after epoch {self.epoch}{place}")
        with one_thread() if self.by_themselves else nullcontext(1) as threads:
            self._threads = threads if torch.device(self.job.device).type == "cpu" else 1
            while self.under_way:
                self._round()
                self._end_those_that_are_over()
        if not self.best:
            raise RunFailedError(
                "the loss became infinite or NaN with every learning rate",
                hint="give lower rates: --search lr=1e-4,1e-5",
            )
        return TrainRecord(
            epochs=self.epochs,
            steps=self.steps,
            best_epoch=self.ended[-self.best_key[1]]["best_epoch"],
            search=[self.ended[index] for index in sorted(self.ended)],
        )

    def _begin(self, index: int) -> None:
        """A fresh trial of this rate, and of all further ones, if they go side by side."""
        self.under_way = [self._fresh(index)]
        self.by_themselves = isinstance(self.under_way[0].module, HasGradients)
        if self.by_themselves:
            self.under_way += [self._fresh(i) for i in range(index + 1, len(self.plan.rates))]
        self.epoch, self.step, self.elapsed_s = 0, 0, 0.0
        self.epoch_steps, self.round_step = 0, 0

    def _fresh(self, index: int) -> _Trial:
        rate = self.plan.rates[index]
        module = self.problem.start().to(self.job.device)
        named = {n: p for n, p in module.named_parameters() if p.requires_grad}
        updates = Updates(
            named,
            lambda name: self.plan.peak(name, rate),
            self.plan.betas,
            self.plan.clip_norm,
            joined=isinstance(module, HasGradients),
        )
        return _Trial(index, rate, module, named, updates)

    def _end_those_that_are_over(self) -> None:
        """Ends trials that have had their time; begins the next, and saves, if there were any."""
        timed_out = self.epoch >= self.plan.max_epochs or self.elapsed_s >= self._limit_s()
        for trial in list(self.under_way):
            if timed_out or trial.without_gain >= self.plan.patience:
                self._end(trial, diverged=False)
        left = [i for i in range(len(self.plan.rates)) if i not in self.ended]
        trials_ended = not self.under_way
        if left and trials_ended:
            self._begin(left[0])
        if trials_ended or self._saving_is_due():
            self._save()

    def _saving_is_due(self) -> bool:
        pause_s = max(SAVE_EVERY_S, self._saving_s / SAVING_SHARE)
        return time.monotonic() - self._saved_at >= pause_s

    def _end(self, trial: _Trial, *, diverged: bool) -> None:
        self.under_way = [t for t in self.under_way if t is not trial]
        self.epochs += self.epoch
        self.steps += self.step
        self.ended[trial.index] = {
            "lr": trial.rate,
            "valid_score": None if trial.best_epoch == 0 else self.sign * trial.score,
            "best_epoch": trial.best_epoch,
            "epochs": self.epoch,
            "diverged": diverged,
        }

    def _round(self) -> None:
        """Some epochs, then validation; trials whose loss is no number any more end."""
        self._ticked_at = time.perf_counter()
        ends = self._ticked_at + self._limit_s() - self.elapsed_s
        while self._has_more_epochs():
            self._one_epoch(ends)
            for trial in list(self.under_way):
                if not math.isfinite(trial.losses[-1]):
                    self._end(trial, diverged=True)
            if not self.under_way or time.perf_counter() >= ends:
                break
        for trial in self.under_way:
            answers = self.problem.answer_valid(trial.module)
            statistics = self.metric.statistics(self.references, answers, self.job.task)
            self._note(trial, float(self.metric.value(statistics.sum(axis=0))))
        self.round_step = self.step
        self._tick()

    def _has_more_epochs(self) -> bool:
        """Whether the round has: one that has begun, or one more."""
        enough = self.step - self.round_step >= MIN_STEPS_A_ROUND
        return self.epoch < self.plan.max_epochs and (self.epoch_steps > 0 or not enough)

    def _tick(self) -> None:
        """Counts the time since the last tick."""
        now = time.perf_counter()
        self.elapsed_s += now - self._ticked_at
        self._ticked_at = now

    def _limit_s(self) -> float:
        minutes = self.plan.max_minutes
        if minutes is None:
            return math.inf
        return 60 * minutes if self.by_themselves else 60 * minutes / len(self.plan.rates)

    def _one_epoch(self, ends: float) -> None:
        """A pass over the training set, or what is left of one, cut off at a time of the clock."""
        batches = self.problem.batches(self.epoch)
        trials = self.under_way
        rates = ", ".join(f"{trial.rate:g}" for trial in trials)
        what, n = f"lr {rates}, epoch {self.epoch + 1}", len(trials)
        stretch = STRETCH if n == 1 else len(batches)
        for trial in trials:
            trial.module.train()
        with self.job.progress.bar(len(batches) * n, what, "batches", self.epoch_steps * n) as bar:

            def step(trial: int, place: int, read: Any) -> None:
                loss = self._one_step(trials[trial], read, self.step + place)
                trials[trial].total += float(loss)
                bar.advance()

            while self.epoch_steps < len(batches):
                some = batches[self.epoch_steps : self.epoch_steps + stretch]
                n_steps = through_batches(
                    n, some, self.problem.read, step, threads=self._threads, ends=ends
                )
                self.step += n_steps
                self.epoch_steps += n_steps
                if time.perf_counter() >= ends:
                    break
                # The end of an epoch is saved together with its validation.
                if self.epoch_steps < len(batches) and self._saving_is_due():
                    self._tick()
                    self._save()
        for trial in trials:
            trial.module.eval()
            trial.losses.append(trial.total / self.epoch_steps)
            trial.total = 0.0
        self.epoch += 1
        self.epoch_steps = 0

    def _one_step(self, trial: _Trial, read: Any, step: int) -> Tensor:
        """Moves a trial's weights; its loss."""
        loss = self.problem.loss(trial.module, read, step)
        if not self.by_themselves:
            trial.updates.descend(loss)
        trial.updates.step(self.plan.share(step))
        return loss.detach().cpu()

    def _note(self, trial: _Trial, score: float) -> None:
        """A validation's score: into the curve, and the weights kept if it is the best."""
        signed = self.sign * score
        trial.without_gain += 1
        if signed > trial.score:
            trial.score, trial.best_epoch, trial.without_gain = signed, self.epoch, 0
        if (signed, -trial.index) > self.best_key:
            self.best_key = (signed, -trial.index)
            self.best = {name: p.detach().clone() for name, p in trial.named.items()}
        loss = sum(trial.losses) / len(trial.losses)
        trial.losses = []
        row = {
            "lr": trial.rate,
            "epoch": self.epoch,
            "step": self.step,
            "train_loss": loss,
            "valid_score": score,
        }
        self.curves.setdefault(trial.index, []).append(row)
        self.job.progress.line(
            f"lr {trial.rate:g}  epoch {self.epoch}  loss {loss:.4f}  valid {score:.4f}  "
            f"best {self.sign * self.best_key[0]:.4f}"
        )

    def _save(self) -> None:
        began = time.monotonic()
        rows = [row for index in sorted(self.curves) for row in self.curves[index]]
        write_atomic(self.job.folder / "train.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
        tensors: dict[str, Tensor] = {f"best/{n}": t for n, t in self.best.items()}
        for trial in self.under_way:
            own = {f"now/{n}": p for n, p in trial.named.items()} | trial.updates.state()
            tensors |= {f"{trial.index}/{name}": tensor for name, tensor in own.items()}
        state = {"identity": self.identity, "format": _FORMAT}
        state |= {name: getattr(self, name) for name in _STATE}
        state["under_way"] = [
            [getattr(trial, name) for name in _OF_TRIAL] for trial in self.under_way
        ]
        save_checkpoint(self.checkpoint, tensors, state)
        self._saved_at = time.monotonic()
        self._saving_s = self._saved_at - began

    def _restore(self) -> bool:
        agreed = {"identity": self.identity, "format": _FORMAT}
        found = load_checkpoint(self.checkpoint, what=agreed)
        if found is None:
            return False
        told = found.state["under_way"]
        self.under_way = [self._fresh(index) for index, *_ in told]
        for name in _STATE:
            setattr(self, name, found.state[name])
        self.best_key = (self.best_key[0], self.best_key[1])
        self.ended = {int(index): entry for index, entry in self.ended.items()}
        self.curves = {int(index): rows for index, rows in self.curves.items()}
        for trial, values in zip(self.under_way, told, strict=True):
            for name, value in zip(_OF_TRIAL, values, strict=True):
                setattr(trial, name, value)
            own = f"{trial.index}/"
            tensors = {
                name.removeprefix(own): tensor
                for name, tensor in found.tensors.items()
                if name.startswith(own)
            }
            for name, parameter in trial.named.items():
                parameter.data.copy_(tensors[f"now/{name}"])
            trial.updates.restore(tensors)
        self.best = {
            name.removeprefix("best/"): tensor.to(self.job.device)
            for name, tensor in found.tensors.items()
            if name.startswith("best/")
        }
        return True


_FORMAT = 3
"""Of a checkpoint."""
_STATE = (
    "ended",
    "curves",
    "best_key",
    "epochs",
    "steps",
    "epoch",
    "epoch_steps",
    "step",
    "round_step",
    "elapsed_s",
)
"""What a checkpoint holds beside tensors and the trials under way."""
_OF_TRIAL = ("index", "score", "best_epoch", "without_gain", "losses", "total")
"""And of each of these."""
