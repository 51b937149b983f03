"""Pretrain a unit LM on units folders: next-unit prediction, one utterance a sequence.

Input `</s> u_1 ... u_T`, target `u_1 ... u_T </s>`. bfloat16 matrix products with float32 master
weights, length-bucketed packed batches, AdamW, warm-up and cosine decay. Labels are never read.
Every random draw comes from (seed, epoch or step), so a resumed run equals an undisturbed one as
long as no time limit cut it short. The weights begin at random, or where another GSLM's ended.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bench import random
from bench.checkpoint import load_checkpoint, save_checkpoint
from bench.environment import DEVICE, check_device
from bench.errors import MissingError, RunFailedError, UnknownNameError, UsageError
from bench.files import clear_temporaries, make_folder, remove, write_atomic
from bench.gslm.card import N_SPECIALS, GslmCard, LmShape
from bench.gslm.folder import CARD, check_free, load_gslm, save_gslm
from bench.gslm.lm import UnitLM
from bench.gslm.next_unit import make_batch, next_unit_loss
from bench.gslm.packing import Packed, length_bucketed
from bench.gslm.precision import means_bf16
from bench.gslm.registry import gslm_folder
from bench.gslm.speech import FromSpeech, copy_speech_side, speech_to_units
from bench.gslm.unlabelled import UnlabelledUnits
from bench.memory import keep_freed_memory
from bench.progress import Progress

PRESETS: dict[str, dict[str, int]] = {
    "tiny": {"layers": 2, "dim": 64, "ffn_dim": 256, "heads": 2},
    "small": {"layers": 4, "dim": 256, "ffn_dim": 1024, "heads": 4},
    "mini": {"layers": 6, "dim": 256, "ffn_dim": 1024, "heads": 4},
    "medium": {"layers": 6, "dim": 384, "ffn_dim": 1536, "heads": 6},
    "large": {"layers": 8, "dim": 512, "ffn_dim": 2048, "heads": 8},
    "gslm": {"layers": 12, "dim": 1024, "ffn_dim": 4096, "heads": 16},
}
"""Sizes by name; `gslm` is the published unit LM's (151M parameters)."""


_DECIDED_BY_INIT = {"preset", "n_units", "max_positions"}


class PretrainOptions(BaseModel):
    """What decides a pretraining run.

    Attributes:
        units: units folders (or single units files); `valid.txt` is held out, never trained on.
        say_again: units folders in whose files every two lines in a row are the same words from
            two speakers; the LM learns to say the one after the other, `<s>` between them.
        neighbours: each distinct utterance of `units` is followed by each of so many others that
            are likest it (`bench.gslm.neighbours`), `<s>` between; 0: utterances stand alone.
        corpus: instead, audio: an encoder and a k-means are fitted on its training set first.
        root: where a registered corpus lies.
        task: the tasks whose parts of the corpus are used.
        encoder: kind of encoder.
        init: a GSLM, by name or folder, whose LM it begins with. Its shape, units and encoder are
            kept, so `preset`, `n_units` and `max_positions` must not be given.
        out: the GSLM folder to write; its `checkpoint/` is there while the run is not finished.
        epochs: passes over the data; the cosine ends there.
        max_minutes: time limit, including that of earlier tries; where it comes first the cosine
            follows the clock instead.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    units: list[Path] | None = Field(default=None, min_length=1)
    say_again: list[Path] | None = Field(default=None, min_length=1)
    neighbours: int = Field(default=0, ge=0)
    corpus: str | None = None
    root: Path | None = None
    task: list[str] | None = Field(default=None, min_length=1)
    encoder: Literal["mfcc"] = "mfcc"
    out: Path
    name: str | None = None
    init: str | None = None
    preset: str = "medium"
    epochs: float = Field(default=12, gt=0)
    max_minutes: float | None = Field(default=None, gt=0)
    lr: float = Field(default=1e-3, gt=0)
    warmup_steps: int = Field(default=200, ge=0)
    batch_tokens: int = Field(default=4096, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.05, ge=0)
    n_units: int = Field(default=100, ge=1)
    max_positions: int = Field(default=1024, ge=2)
    seed: int = 0
    threads: int | None = Field(default=None, ge=1)
    precision: Literal["fp32", "bf16", "auto"] = "auto"
    device: str = Field(default="cpu", pattern=DEVICE)
    resume: bool = False
    overwrite: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> PretrainOptions:
        given = self.units is not None or self.say_again is not None
        if given == (self.corpus is not None):
            raise ValueError("give either --units (or --say-again) or --corpus")
        if (self.corpus is None) != (self.task is None):
            raise ValueError("--corpus and --task go together")
        if self.neighbours and self.units is None and self.corpus is None:
            raise ValueError(
                "--neighbours are those of --units: the lines of --say-again are pairs"
            )
        return self

    @model_validator(mode="after")
    def _what_init_decides(self) -> PretrainOptions:
        decided = sorted(_DECIDED_BY_INIT & self.model_fields_set)
        if self.init is not None and self.corpus is not None:
            raise ValueError("--init brings an encoder of its own, --corpus makes one")
        if self.init is not None and decided:
            options = ", ".join("--" + field.replace("_", "-") for field in decided)
            raise ValueError(f"{options}: the GSLM of --init has its own")
        return self


class Pretraining:
    """One pretraining run: data, model, optimiser, and where it stands."""

    def __init__(self, options: PretrainOptions, progress: Progress) -> None:
        self.options, self.progress = options, progress
        if options.preset not in PRESETS:
            raise UnknownNameError("preset", options.preset, PRESETS)
        self.init = None if options.init is None else load_gslm(gslm_folder(options.init))
        self.shape, rows = (
            _new_shape(options),
            list(range(N_SPECIALS, N_SPECIALS + options.n_units)),
        )
        if self.init is not None:
            self.shape, rows = self.init.card.lm, self.init.card.rows
        self.rows = np.array(rows, np.int64)
        if options.threads is not None:
            torch.set_num_threads(options.threads)
        keep_freed_memory()
        self.device = torch.device(options.device)
        self.bf16 = means_bf16(options.precision, self.device)
        unlabelled = self._unlabelled()
        self.train, self.valid = unlabelled.training(), unlabelled.held_out()
        digest = hashlib.sha256()
        for sequence in (*self.train, *self.valid):
            digest.update(len(sequence).to_bytes(8, "little") + sequence.tobytes())
        self.fingerprint = digest.hexdigest()
        self.lm = UnitLM(self.shape)
        if self.init is None:
            self.lm.reset(random.torch_generator(options.seed, "pretrain", "weights"))
        else:
            self.lm.load_state_dict(self.init.lm.float().state_dict())
        self.lm.to(self.device)
        decayed = [p for p in self.lm.parameters() if p.ndim > 1]
        plain = [p for p in self.lm.parameters() if p.ndim < 2]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": options.weight_decay},
                {"params": plain, "weight_decay": 0.0},
            ],
            lr=options.lr,
            betas=(0.9, 0.98),
            fused=True,
        )
        self.lengths = np.array([len(s) + 1 for s in self.train])
        per_epoch = sum(1 for _ in self._batches(0))
        self.total_steps = max(1, round(options.epochs * per_epoch))
        self.step = 0
        self.elapsed_s = 0.0
        self.curve: list[dict[str, Any]] = []
        self.epoch_loss, self.epoch_steps = 0.0, 0

    def _unlabelled(self) -> UnlabelledUnits:
        options = self.options
        return UnlabelledUnits(
            alone=options.units or (),
            pairs=options.say_again or (),
            neighbours=options.neighbours,
            rows=self.rows,
            length=self.shape.max_positions - 1,
            limit="--n-units" if self.init is None else "the number of units of --init,",
        )

    @property
    def n_tokens(self) -> int:
        """Of all training sequences, `</s>` included."""
        return int(self.lengths.sum())

    def _batches(self, epoch: int) -> Iterator[NDArray[np.int64]]:
        generator = random.numpy_generator(self.options.seed, "pretrain", "epoch", epoch)
        return length_bucketed(self.lengths, self.options.batch_tokens, generator)

    def _identity(self) -> dict[str, Any]:
        """What a checkpoint must agree with: everything but limits and places."""
        exempt = {"out", "units", "say_again", "root", "name", "init"}
        exempt |= {"max_minutes", "threads", "resume", "overwrite"}
        return {
            "options": self.options.model_dump(mode="json", exclude=exempt),
            "units": self.fingerprint,
            "init": self.init and self.init.fingerprint,
            "bf16": self.bf16,
        }

    def _tensors(self) -> dict[str, torch.Tensor]:
        tensors = {f"lm.{name}": t for name, t in self.lm.state_dict().items()}
        for name, p in self.lm.named_parameters():
            state = self.optimizer.state.get(p, {})
            tensors.update({f"optimizer.{key}.{name}": t for key, t in state.items()})
        return tensors

    def save(self, path: Path) -> None:
        """Write the checkpoint."""
        position = {
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "curve": self.curve,
            "epoch_loss": self.epoch_loss,
            "epoch_steps": self.epoch_steps,
        }
        save_checkpoint(path, self._tensors(), self._identity() | position)

    def restore(self, path: Path) -> bool:
        """Continue from a checkpoint, if there is one; says whether there was."""
        found = load_checkpoint(path, what=self._identity())
        if found is None:
            return False
        prefix = "lm."
        self.lm.load_state_dict(
            {k.removeprefix(prefix): t for k, t in found.tensors.items() if k.startswith(prefix)}
        )
        for name, p in self.lm.named_parameters():
            self.optimizer.state[p] = {
                # The fused optimiser keeps even its step count beside the parameter.
                key: found.tensors[f"optimizer.{key}.{name}"].to(p.device)
                for key in ("step", "exp_avg", "exp_avg_sq")
                if f"optimizer.{key}.{name}" in found.tensors
            }
        self.step = found.state["step"]
        self.elapsed_s = found.state["elapsed_s"]
        self.curve = found.state["curve"]
        self.epoch_loss = found.state["epoch_loss"]
        self.epoch_steps = found.state["epoch_steps"]
        return True

    def _rate(self) -> float:
        """Learning rate of the next step: warm-up, then a cosine over steps or the clock."""
        done = self.step / self.total_steps
        if self.options.max_minutes is not None:
            done = max(done, self.elapsed_s / (60 * self.options.max_minutes))
        warmup = min(1.0, (self.step + 1) / max(1, self.options.warmup_steps))
        return (
            self.options.lr * warmup * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1, done))))
        )

    def _out_of_time(self) -> bool:
        limit = self.options.max_minutes
        return limit is not None and self.elapsed_s >= 60 * limit

    def _update(self, indices: NDArray[np.int64]) -> float:
        """One optimiser step; returns the batch's loss in nats a token."""
        batch = make_batch([self.train[i] for i in indices])
        drops = random.numpy_generator(self.options.seed, "pretrain", "dropout", self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            hidden = self.lm(batch.inputs.to(self.device), self.options.dropout, drops)
            logits = self.lm.logits(hidden).float()
        loss = F.cross_entropy(logits, batch.targets.to(self.device))
        value = float(loss.detach())
        if not math.isfinite(value):
            raise RunFailedError(
                f"the loss of step {self.step + 1} is {value}",
                where=str(self.options.out),
                hint="start anew with --overwrite and a lower --lr",
            )
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.lm.parameters(), 1.0)
        self.optimizer.step()
        return value

    def held_out_loss(self) -> float:
        """Mean next-token loss on the validation units in nats, dropout off."""

        def scorer(batch: Packed) -> torch.Tensor:
            return self.lm.logits(self.lm(batch))

        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            return next_unit_loss(scorer, self.valid, self.device)

    def run(self, checkpoint: Path, *, every_s: float = 60.0) -> None:
        """Train to the last step or the time limit, with checkpoints on the way."""
        saved_s = self.elapsed_s
        per_epoch = sum(1 for _ in self._batches(0))
        while self.step < self.total_steps and not self._out_of_time():
            epoch, done = divmod(self.step, per_epoch)
            with self.progress.bar(per_epoch, f"epoch {epoch + 1}", "steps", done) as bar:
                for indices in list(self._batches(epoch))[done:]:
                    began = time.perf_counter()
                    self.epoch_loss += self._update(indices)
                    self.epoch_steps += 1
                    self.step += 1
                    bar.advance()
                    self.elapsed_s += time.perf_counter() - began
                    if self.step >= self.total_steps or self._out_of_time():
                        break
                    # The last step of an epoch is saved together with its held-out loss.
                    if self.elapsed_s - saved_s > every_s and self.step % per_epoch:
                        self.save(checkpoint)
                        saved_s = self.elapsed_s
            self._close_epoch(per_epoch)
            self.save(checkpoint)
            saved_s = self.elapsed_s
        if self.epoch_steps:  # resumed in the middle of an epoch, with no time left
            self._close_epoch(per_epoch)

    def _close_epoch(self, per_epoch: int) -> None:
        """Add an epoch, or what was done of it, to the curve."""
        began = time.perf_counter()
        loss = self.held_out_loss()
        self.elapsed_s += time.perf_counter() - began
        row = {
            "epoch": self.step / per_epoch,
            "step": self.step,
            "train_loss": self.epoch_loss / self.epoch_steps,
            "valid_loss": loss,
            "minutes": self.elapsed_s / 60,
        }
        self.curve.append(row)
        self.epoch_loss, self.epoch_steps = 0.0, 0
        self.progress.line(
            f"epoch {row['epoch']:.2f}/{self.options.epochs:g}  "
            f"train {row['train_loss']:.3f}  valid {loss:.3f} nats/unit  "
            f"perplexity {math.exp(loss):.2f}  {row['minutes']:.1f} min"
        )


def _new_shape(options: PretrainOptions) -> LmShape:
    return LmShape(
        **PRESETS[options.preset],
        max_positions=options.max_positions,
        n_rows=N_SPECIALS + options.n_units,
    )


def pretrain(options: PretrainOptions, progress: Progress) -> GslmCard:
    """Pretrain a unit LM and write it as a GSLM folder.

    Args:
        options: what to train on, how, and where to.
        progress: where to show it.

    Returns:
        The card of the new GSLM.

    Raises:
        UsageError: if `out` already holds a GSLM (and not `overwrite`), or an unfinished run
            (and neither `resume` nor `overwrite`).
        MissingError: if the device or a folder of units is not there.
        DataError: on a bad units file, naming the line.
        StorageError: if the folder cannot be written.
    """
    out, checkpoint = options.out, options.out / "checkpoint" / "state.safetensors"
    _prepare_folder(options, checkpoint)
    speech = None
    if options.corpus is not None:
        # From here on the folder's encoder is a new one, which an old LM knows nothing of.
        remove(out / CARD)
        speech = speech_to_units(
            options.corpus,
            options.task or (),
            options.root,
            out,
            checkpoint.parent / "units",
            options.n_units,
            options.seed,
            progress,
        )
        options = options.model_copy(update={"units": speech.folders})
    work = Pretraining(options, progress)
    if work.restore(checkpoint):
        progress.line(f"continuing at step {work.step} of {work.total_steps}")
    progress.line(
        f"{len(work.train):,} utterances, {work.n_tokens:,} tokens; LM of "
        f"{work.shape.n_parameters:,} parameters ({options.init or options.preset}), "
        f"{'bf16' if work.bf16 else 'fp32'}, {torch.get_num_threads()} threads"
    )
    work.run(checkpoint)
    if options.init is not None:
        copy_speech_side(gslm_folder(options.init), out)
    card = _card_of(work, speech)
    write_atomic(out / "train.jsonl", "".join(json.dumps(row) + "\n" for row in work.curve))
    save_gslm(out, card, work.lm.cpu())
    remove(checkpoint.parent)
    return card


def _prepare_folder(options: PretrainOptions, checkpoint: Path) -> None:
    """Checks that the request can be met here, and makes its folder.

    Raises:
        UsageError, MissingError, StorageError: see `pretrain`.
    """
    check_device(options.device)
    for folder in (*(options.units or ()), *(options.say_again or ())):
        if not folder.exists():
            raise MissingError(
                "there is no such folder", where=str(folder), hint="a folder of units files"
            )
    unfinished = checkpoint.exists() and not options.overwrite
    check_free(options.out, overwrite=options.overwrite or unfinished)
    if unfinished and not options.resume:
        raise UsageError(
            "an unfinished pretraining is here",
            where=str(options.out),
            hint="add --resume to continue it, or --overwrite to start anew",
        )
    make_folder(options.out)
    clear_temporaries(options.out)
    if not unfinished:
        remove(checkpoint.parent)


def _card_of(work: Pretraining, speech: FromSpeech | None) -> GslmCard:
    """What the finished GSLM says about itself.

    Args:
        work: trained.
        speech: what the corpus's audio became, where there was one.
    """
    options = work.options
    hidden = {"out", "units", "say_again", "root", "resume", "overwrite", "init"}
    hears: dict[str, Any] = {}
    if speech is None:
        hidden |= {"corpus", "task", "encoder"}
    else:
        hears = {"encoder": options.encoder, "frame_rate_hz": speech.frame_rate_hz}
    recipe = options.model_dump(mode="json", exclude=hidden)
    if work.init is not None:
        recipe = {key: recipe[key] for key in recipe.keys() - _DECIDED_BY_INIT}
        recipe["init"] = {"name": work.init.card.name, "fingerprint": work.init.fingerprint}
        hears = work.init.card.model_dump(
            include={"encoder", "encoder_layer", "frame_rate_hz", "dedup"}
        )
    sources = (*(options.units or ()), *(options.say_again or ()))
    return GslmCard(
        name=options.name or options.out.resolve().name,
        n_units=len(work.rows),
        rows=work.rows.tolist(),
        lm=work.shape,
        **hears,
        origin="bench pretrain",
        recipe=recipe
        | {
            "steps": work.step,
            "units": [source.name for source in sources],
            "train_tokens": work.n_tokens,
            "valid_loss": work.curve[-1]["valid_loss"],
            "bf16": work.bf16,
        },
    )
