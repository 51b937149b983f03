"""The training loop of the comparison methods.

Adam, a search over learning rates on validation, early stopping, exact resumption.

Every trial starts from the same weights and sees the same batches; only the learning rate differs.
Trials run one after another; the best round of all trials is kept. Whatever is random is derived
from the seed and the step, so a resumed run needs no generator state.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.updates import Updates
from bench.checkpoint import load_checkpoint, save_checkpoint
from bench.errors import RunFailedError
from bench.files import write_atomic
from bench.method import Job
from bench.records import TrainRecord
from tasks.metrics.registry import METRICS

MIN_STEPS_A_ROUND = 100
"""Validation comes after whole epochs that make at least this many steps."""
SAVE_EVERY_S = 10.0
"""A checkpoint is written after a round, but not more often than this, and after every trial."""
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

    def loss(self, module: nn.Module, batch: Indices, step: int) -> Tensor:
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


class Fitting:
    """One training.

    Args:
        problem: what.
        plan: how.
        job: where, with which seed, for which metric.
        identity: what a checkpoint must agree with.

    Attributes:
        best: the weights of the best round, by name.
    """

    def __init__(self, problem: Problem, plan: Plan, job: Job, identity: dict[str, Any]) -> None:
        self.problem, self.plan, self.job, self.identity = problem, plan, job, identity
        self.metric = METRICS.get(job.task.primary)
        self.sign = 1.0 if self.metric.higher_is_better else -1.0
        self.references = [u.symbols for u in job.corpus.valid]
        self.trials: list[dict[str, Any]] = []
        self.curve: list[dict[str, Any]] = []
        self.best: dict[str, Tensor] = {}
        self.best_key = (-math.inf, 0)  # signed score, index of the trial
        self.epochs = self.steps = 0
        self._saved_at, self._saving_s = time.monotonic(), 0.0
        self._begin()

    @property
    def checkpoint(self) -> Path:
        """The checkpoint's file."""
        return self.job.folder / "checkpoint" / "state.safetensors"

    def run(self) -> TrainRecord:
        """Trains all trials, and gives the record; the best weights are in `best`.

        Raises:
            RunFailedError: if every trial's loss left the finite numbers.
        """
        if self.job.resume and self._restore():
            self.job.progress.line(
                f"continuing trial {len(self.trials) + 1} after epoch {self.epoch}"
            )
        while len(self.trials) < len(self.plan.rates):
            self._trial()
        if not self.best:
            raise RunFailedError(
                "the loss became infinite or NaN with every learning rate",
                hint="give lower rates: --search lr=1e-4,1e-5",
            )
        chosen = self.trials[self.best_key[1]]
        return TrainRecord(
            epochs=self.epochs,
            steps=self.steps,
            best_epoch=chosen["best_epoch"],
            search=self.trials,
        )

    def _begin(self) -> None:
        """A fresh trial."""
        self.module = self.problem.start().to(self.job.device)
        self.named = {n: p for n, p in self.module.named_parameters() if p.requires_grad}
        rate = self.plan.rates[min(len(self.trials), len(self.plan.rates) - 1)]
        self.by_itself = isinstance(self.module, HasGradients)
        self.updates = Updates(
            self.named,
            lambda name: self.plan.peak(name, rate),
            self.plan.betas,
            self.plan.clip_norm,
            joined=self.by_itself,
        )
        self.rate, self.epoch, self.step, self.elapsed_s = rate, 0, 0, 0.0
        self.trial_score, self.trial_epoch, self.without_gain = -math.inf, 0, 0

    def _trial(self) -> None:
        diverged = False
        while not (diverged or self._over()):
            diverged = not self._round()
        self.trials.append(
            {
                "lr": self.rate,
                "valid_score": None if self.trial_epoch == 0 else self.sign * self.trial_score,
                "best_epoch": self.trial_epoch,
                "epochs": self.epoch,
                "diverged": diverged,
            }
        )
        self.epochs += self.epoch
        self.steps += self.step
        self._begin()
        self._save()

    def _over(self) -> bool:
        return (
            self.epoch >= self.plan.max_epochs
            or self.without_gain >= self.plan.patience
            or self.elapsed_s >= self._limit_s()
        )

    def _round(self) -> bool:
        """Some epochs, then validation; False if the loss is no number any more."""
        began, losses = time.perf_counter(), []
        first_step, ends = self.step, began + self._limit_s() - self.elapsed_s
        while self.step - first_step < MIN_STEPS_A_ROUND and self.epoch < self.plan.max_epochs:
            loss = self._one_epoch(ends)
            if not math.isfinite(loss):
                return False
            losses.append(loss)
            if time.perf_counter() >= ends:
                break
        answers = self.problem.answer_valid(self.module)
        statistics = self.metric.statistics(self.references, answers, self.job.task)
        score = float(self.metric.value(statistics.sum(axis=0)))
        self.elapsed_s += time.perf_counter() - began
        self._note(score, sum(losses) / len(losses))
        return True

    def _limit_s(self) -> float:
        minutes = self.plan.max_minutes
        return math.inf if minutes is None else 60 * minutes / len(self.plan.rates)

    def _one_epoch(self, ends: float) -> float:
        """One pass over the training set, cut off at a time of the clock; the mean loss."""
        batches = self.problem.batches(self.epoch)
        what = f"lr {self.rate:g}, epoch {self.epoch + 1}"
        total = torch.zeros((), dtype=torch.float64)
        done = 0
        self.module.train()
        with self.job.progress.bar(len(batches), what, "batches") as bar:
            for batch in batches:
                loss = self.problem.loss(self.module, batch, self.step)
                if not self.by_itself:
                    self.updates.descend(loss)
                self.updates.step(self.plan.share(self.step))
                total += loss.detach().cpu()
                self.step += 1
                done += 1
                bar.advance()
                if time.perf_counter() >= ends:
                    break
        self.epoch += 1
        self.module.eval()
        return float(total) / done

    def _note(self, score: float, loss: float) -> None:
        signed = self.sign * score
        self.without_gain += 1
        if signed > self.trial_score:
            self.trial_score, self.trial_epoch, self.without_gain = signed, self.epoch, 0
        if signed > self.best_key[0]:
            self.best_key = (signed, len(self.trials))
            self.best = {name: p.detach().clone() for name, p in self.named.items()}
        row = {
            "lr": self.rate,
            "epoch": self.epoch,
            "step": self.step,
            "train_loss": loss,
            "valid_score": score,
        }
        self.curve.append(row)
        self.job.progress.line(
            f"lr {self.rate:g}  epoch {self.epoch}  loss {loss:.4f}  valid {score:.4f}  "
            f"best {self.sign * self.best_key[0]:.4f}"
        )
        pause_s = max(SAVE_EVERY_S, self._saving_s / SAVING_SHARE)
        if time.monotonic() - self._saved_at >= pause_s:
            self._save()

    def _save(self) -> None:
        began = time.monotonic()
        lines = "".join(json.dumps(row) + "\n" for row in self.curve)
        write_atomic(self.job.folder / "train.jsonl", lines)
        tensors: dict[str, Tensor] = {f"best/{n}": t for n, t in self.best.items()}
        tensors |= {f"now/{n}": p for n, p in self.named.items()}
        tensors |= self.updates.state()
        state = {"identity": self.identity} | {name: getattr(self, name) for name in _STATE}
        save_checkpoint(self.checkpoint, tensors, state)
        self._saved_at = time.monotonic()
        self._saving_s = self._saved_at - began

    def _restore(self) -> bool:
        found = load_checkpoint(self.checkpoint, what={"identity": self.identity})
        if found is None:
            return False
        self.trials = found.state["trials"]
        self._begin()
        for name in _STATE:
            setattr(self, name, found.state[name])
        self.best_key = (self.best_key[0], self.best_key[1])
        device = self.job.device
        for name, parameter in self.named.items():
            parameter.data.copy_(found.tensors[f"now/{name}"])
        self.updates.restore(found.tensors)
        self.best = {
            name.removeprefix("best/"): tensor.to(device)
            for name, tensor in found.tensors.items()
            if name.startswith("best/")
        }
        return True


_STATE = (
    *("trials", "curve", "best_key", "epochs", "steps"),
    *("epoch", "step", "elapsed_s", "trial_score", "trial_epoch", "without_gain"),
)
"""What a checkpoint holds beside tensors."""
