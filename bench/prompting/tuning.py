"""The tuning loop: Adam on the prompts, selection on the validation set, exact resumption."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict

from bench import random
from bench.checkpoint import load_checkpoint, save_checkpoint
from bench.errors import RunFailedError
from bench.files import write_atomic
from bench.progress import Progress
from bench.prompting.channel import ChannelObjective
from bench.prompting.examples import Example, TrainingExamples, collate, drawn, epoch_batches
from bench.prompting.objective import Objective

MIN_STEPS_A_ROUND = 100
"""Validation comes after whole epochs that make at least this many steps."""
CLIP_NORM = 1.0
"""Of the gradient of all trained parameters together, as in the paper."""
SAVE_EVERY_S = 60.0
"""Within a round."""
_STATE = (
    "epoch",
    "epoch_steps",
    "step",
    "round_loss",
    "round_steps",
    "elapsed_s",
    "best_epoch",
    "best_score",
    "curve",
)
"""What a checkpoint holds beside tensors and the identity."""


class Schedule(BaseModel):
    """What decides the optimisation; see `PromptOptions` for the meaning of each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lr: float
    schedule: Literal["constant", "cosine"]
    warmup_steps: int
    max_epochs: int
    max_minutes: float | None
    patience: int
    batch_tokens: int
    batch_utterances: int
    prompt_dropout: float
    unit_dropout: float
    window: float
    mix: int


class Tuning:
    """One tuning run.

    Args:
        objective: the loss and the parameters it trains.
        examples: the training sequences.
        validate: the primary validation score of the current prompts.
        higher_is_better: direction of that score.
        schedule: the settings.
        seed: of the run.
        folder: `train.jsonl` and `checkpoint/` go here.
        identity: what a checkpoint must agree with.
    """

    def __init__(
        self,
        objective: Objective | ChannelObjective,
        examples: TrainingExamples,
        validate: Callable[[], float],
        *,
        higher_is_better: bool,
        schedule: Schedule,
        seed: int,
        folder: Path,
        identity: dict[str, Any],
        progress: Progress,
    ) -> None:
        self.objective, self.examples, self.validate = objective, examples, validate
        self.sign = 1.0 if higher_is_better else -1.0
        self.schedule, self.seed, self.folder = schedule, seed, folder
        self.identity, self.progress = identity, progress
        self.prompts = objective.prompts
        parts = self.prompts.parts(as_published=objective.loss == "full")
        self.optimizer = torch.optim.Adam(
            [{"params": params, "share": share} for params, share in parts],
            schedule.lr,
            betas=(0.9, 0.98),
        )
        self.epoch = 0
        self.epoch_steps = 0
        self.step = 0
        self.round_loss, self.round_steps = 0.0, 0
        self.elapsed_s = 0.0
        self._saved_at = time.monotonic()
        self.best_epoch = 0
        self.best_score = -math.inf
        self.best = self._copy()
        self.curve: list[dict[str, Any]] = []

    @property
    def best_valid_score(self) -> float:
        """The primary validation score of the best round."""
        return self.sign * self.best_score

    @property
    def checkpoint(self) -> Path:
        """The checkpoint's file."""
        return self.folder / "checkpoint" / "state.safetensors"

    def _copy(self) -> dict[str, torch.Tensor]:
        return {name: p.detach().clone() for name, p in self.prompts.named_parameters()}

    def save(self) -> None:
        """Write the checkpoint."""
        tensors: dict[str, torch.Tensor] = {}
        tensors |= {f"now.{name}": p for name, p in self.prompts.named_parameters()}
        tensors |= {f"best.{name}": t for name, t in self.best.items()}
        for name, p in self.prompts.named_parameters():
            tensors |= {f"{key}.{name}": t for key, t in self.optimizer.state[p].items()}
        state = {name: getattr(self, name) for name in _STATE}
        save_checkpoint(self.checkpoint, tensors, {"identity": self.identity} | state)
        self._saved_at = time.monotonic()

    def restore(self) -> bool:
        """Continue from the checkpoint, if there is one; says whether there was."""
        found = load_checkpoint(self.checkpoint, what={"identity": self.identity})
        if found is None:
            return False
        for name, p in self.prompts.named_parameters():
            p.data.copy_(found.tensors[f"now.{name}"])
            self.best[name] = found.tensors[f"best.{name}"].to(p.device)
            if f"step.{name}" not in found.tensors:  # no prompts: nothing to optimise
                continue
            self.optimizer.state[p] = {
                "step": found.tensors[f"step.{name}"],
                "exp_avg": found.tensors[f"exp_avg.{name}"].to(p.device),
                "exp_avg_sq": found.tensors[f"exp_avg_sq.{name}"].to(p.device),
            }
        for name in _STATE:
            setattr(self, name, found.state[name])
        return True

    def _batches(self) -> list[list[Example]]:
        """The next epoch's: sequences of similar length together, in random order."""
        s = self.schedule
        examples = self.examples.of_epoch(self.seed, self.epoch, s.mix)
        indices = epoch_batches(
            examples, self.seed, self.epoch, tokens=s.batch_tokens, utterances=s.batch_utterances
        )
        return [[examples[i] for i in batch] for batch in indices]

    def _progress(self, n_batches: int) -> float:
        """How much of the run is done, by steps or by the clock, 0 to 1."""
        done = self.step / max(1, self.schedule.max_epochs * n_batches)
        if self.schedule.max_minutes is not None:
            done = max(done, self.elapsed_s / (60 * self.schedule.max_minutes))
        return min(1.0, done)

    def _rate(self, done: float) -> float:
        """The learning rate of the next step."""
        s = self.schedule
        warm = min(1.0, (self.step + 1) / max(1, s.warmup_steps))
        decay = 0.5 * (1 + math.cos(math.pi * done)) if s.schedule == "cosine" else 1.0
        return s.lr * warm * decay

    def update(self, examples: list[Example], rate: float) -> float:
        """One optimiser step; returns the loss in nats an output."""
        s = self.schedule
        read = drawn(examples, self.seed, self.step, unit_dropout=s.unit_dropout, window=s.window)
        batch, targets = collate(read)
        device, rate_of_dropout = self.objective.frozen.device, s.prompt_dropout
        drops = random.numpy_generator(self.seed, "tuning", "dropout", self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        loss = self.objective(
            batch.to(device), targets.to(device), dropout=rate_of_dropout, generator=drops
        )
        value = float(loss.detach())
        if not math.isfinite(value):
            raise RunFailedError(
                f"the loss of step {self.step + 1} is {value}", hint="choose a lower --lr"
            )
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.prompts.parameters(), CLIP_NORM)
        self.optimizer.step()
        self.step += 1
        return value

    def _out_of_time(self) -> bool:
        limit = self.schedule.max_minutes
        return limit is not None and self.elapsed_s >= 60 * limit

    def _one_epoch(self) -> None:
        """An epoch, or what is left of one, with checkpoints on the way."""
        batches = self._batches()
        what = f"epoch {self.epoch + 1}"
        with self.progress.bar(len(batches), what, "batches", self.epoch_steps) as bar:
            for examples in batches[self.epoch_steps :]:
                began = time.perf_counter()
                rate = self._rate(self._progress(len(batches)))
                self.round_loss += self.update(examples, rate)
                self.round_steps += 1
                self.epoch_steps += 1
                self.elapsed_s += time.perf_counter() - began
                bar.advance()
                if self._out_of_time():
                    break
                # The last step of an epoch is saved together with its validation.
                is_last = self.epoch_steps == len(batches)
                if time.monotonic() - self._saved_at > SAVE_EVERY_S and not is_last:
                    self.save()
        self.epoch += 1
        self.epoch_steps = 0

    def _round(self) -> None:
        """Train for some epochs, validate, keep the best, write curve and checkpoint."""
        while (self.epoch_steps or self.round_steps < MIN_STEPS_A_ROUND) and not self._finished():
            self._one_epoch()
        began = time.perf_counter()
        score = self.validate()
        self.elapsed_s += time.perf_counter() - began
        if self.sign * score > self.best_score:
            self.best_score, self.best_epoch, self.best = (
                self.sign * score,
                self.epoch,
                self._copy(),
            )
        row = {
            "epoch": self.epoch,
            "step": self.step,
            "train_loss": self.round_loss / self.round_steps,
            "valid_score": score,
            "minutes": self.elapsed_s / 60,
        }
        self.curve.append(row)
        self.round_loss, self.round_steps = 0.0, 0
        self.progress.line(
            f"epoch {self.epoch}  loss {row['train_loss']:.4f}  valid {score:.4f}  "
            f"best {self.best_valid_score:.4f} (epoch {self.best_epoch})  "
            f"{row['minutes']:.1f} min"
        )
        self._write_curve()
        self.save()

    def _write_curve(self) -> None:
        text = "".join(json.dumps(row) + "\n" for row in self.curve)
        write_atomic(self.folder / "train.jsonl", text)

    def _finished(self) -> bool:
        return self.epoch >= self.schedule.max_epochs or self._out_of_time()

    def _patience_is_over(self) -> bool:
        since = [row for row in self.curve if row["epoch"] > self.best_epoch]
        return len(since) >= self.schedule.patience

    def run(self) -> None:
        """Tune to the end, then put the best prompts of the validation set in place."""
        while not self._finished() and not self._patience_is_over():
            self._round()
        with torch.no_grad():
            for name, p in self.prompts.named_parameters():
                p.copy_(self.best[name])
