"""The method `prompt`: prompt tuning on a frozen GSLM.

Units -> frozen unit LM with trained prompts -> label units -> verbalizer -> answer.

Source: SpeechPrompt (Chang et al., Interspeech 2022; v2 2023).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import save

from bench import random
from bench.augmentation import settled_copies
from bench.errors import UsageError
from bench.files import write_atomic
from bench.gslm.card import EOS
from bench.gslm.packing import pack
from bench.memory import keep_freed_memory
from bench.method import Job, ModelDescription, Prediction
from bench.prompting.channel import ChannelObjective, ChannelPrompts
from bench.prompting.frozen import FrozenLM
from bench.prompting.knowing_units import (
    description,
    load_gslm_of,
    products_dtype,
    warn_of_unknown_units,
)
from bench.prompting.objective import Objective
from bench.prompting.presets import Scoring, preset_of
from bench.prompting.prompts import Prompts
from bench.prompting.tuning import Schedule, Tuning
from bench.prompting.unit_task import UnitTask, check_verbalizer
from bench.prompting.verbalizer import Name
from bench.records import TrainRecord
from tasks.corpora.utterance import Utterance
from tasks.metrics.registry import METRICS

WARMUP_STEPS = 50
START_TOKENS = 4096
"""Training tokens whose activations the prompts may begin at."""


class PromptOptions(BaseModel):
    """What decides prompt tuning.

    Attributes:
        scoring: `direct`: the LM reads the units and answers; `channel`: each label has prompts of
            its own, and the label that the units are likeliest under is the answer; None: the
            task's preset.
        prompt_length: prompt vectors (of each layer, in deep mode; of each label, through the
            channel); None: the task's preset.
        prompt_mode: `deep`: keys and values of every layer; `input`: vectors before the first.
        verbalizer: how labels become units; None: the task's preset (`frequency` with the full
            loss, none through the channel).
        label_vectors: what answered labels are read by: `lm`, their units' embeddings; `trained`,
            vectors of their own that begin there; None: the task's preset (texts: `lm` with the
            full loss; nothing is read through the channel).
        loss: `labels`: cross entropy between the labels possible at each place; `full`: over the
            whole vocabulary, from the separator on, as in the paper; None: see `preset_of`.
        lr: peak learning rate of Adam; None: the task's preset.
        schedule: `cosine` decays to 0 over max_epochs or max_minutes, whichever ends first.
        warmup_steps: steps of linear warm-up; None: 50.
        max_epochs: passes over the training set at most; None: the task's preset.
        max_minutes: time limit of the tuning.
        patience: validations without a better score before stopping.
        batch_tokens: tokens a step at most.
        batch_utterances: utterances a step at most; None: the task's preset.
        prompt_dropout: probability of dropping a prompt's element in training.
        unit_dropout: share of an utterance's units left out in training, drawn anew each step.
        label_smoothing: share of each target's probability that is spread over all that compete.
        window: a training utterance is read as a stretch of its units, drawn anew each step, with
            this share of them at least; 1: whole; None: the task's preset.
        mix: a training utterance is put together from parts of up to so many utterances of the same
            answer, drawn anew each epoch; 1: of itself alone; None: the task's preset.
        augment: copies of each training utterance, said as by another speaker elsewhere, that
            are trained on beside it (audio only); None: the task's preset, 0 for units.
        beam: hypotheses kept for sequence tasks.
        length_penalty: exponent of the length that a hypothesis' score is divided by.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scoring: Scoring | None = None
    prompt_length: int | None = Field(default=None, ge=0)
    prompt_mode: Literal["deep", "input"] = "deep"
    verbalizer: Name | None = None
    label_vectors: Literal["lm", "trained"] | None = None
    loss: Literal["labels", "full"] | None = None
    lr: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_steps: int | None = Field(default=None, ge=0)
    max_epochs: int | None = Field(default=None, ge=1)
    max_minutes: float | None = Field(default=None, gt=0)
    patience: int = Field(default=10, ge=1)
    batch_tokens: int = Field(default=512, ge=1)
    batch_utterances: int | None = Field(default=None, ge=1)
    prompt_dropout: float = Field(default=0.1, ge=0, lt=1)
    unit_dropout: float = Field(default=0.0, ge=0, lt=1)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    window: float | None = Field(default=None, gt=0, le=1)
    mix: int | None = Field(default=None, ge=1)
    augment: int | None = Field(default=None, ge=0)
    beam: int = Field(default=5, ge=1)
    length_penalty: float = Field(default=1.0, ge=0)


def _check_channel(job: Job, options: PromptOptions) -> None:
    """Refuses what the channel cannot do.

    Raises:
        UsageError: for a task of several labels, and options that go with direct answers.
    """
    hint = "leave it out, or choose --scoring direct"
    if job.task.answer != "label":
        raise UsageError(
            f"--scoring channel compares single labels, and {job.task.name} answers several",
            hint="choose --scoring direct",
        )
    if options.loss == "full":
        raise UsageError("--scoring channel is a competition of labels: no --loss full", hint=hint)
    if options.prompt_mode != "deep":
        raise UsageError("--scoring channel has deep prompts only: no --prompt-mode", hint=hint)
    if options.prompt_length == 0:
        raise UsageError("--scoring channel tells labels apart by their prompts: give one at least")
    for name in ("verbalizer", "label_vectors"):
        if getattr(options, name) is not None:
            what = name.replace("_", "-")
            raise UsageError(f"--scoring channel names no labels: no --{what}", hint=hint)


class PromptMethod:
    """Prompt tuning on a frozen GSLM.

    Raises:
        UsageError: if the options do not go together, or there are more labels than units.
        MissingError: if there is no GSLM.
        CheckpointError: if the GSLM is damaged.
        DataError: if the corpus holds units that the GSLM does not know.
    """

    Options = PromptOptions

    def __init__(self, job: Job, options: BaseModel) -> None:
        if not isinstance(options, PromptOptions):
            raise TypeError(f"options of another method: {type(options).__name__}")
        keep_freed_memory()
        preset = preset_of(
            job.task,
            options.loss,
            options.scoring,
            options.verbalizer,
            n_train=len(job.corpus.train),
        )
        if preset.scoring == "channel":
            _check_channel(job, options)
        left_open = {k: v for k, v in preset._asdict().items() if getattr(options, k) is None}
        left_open["augment"] = settled_copies(job, options.augment, preset.augment)
        if options.warmup_steps is None:
            left_open["warmup_steps"] = WARMUP_STEPS
        options = options.model_copy(update=left_open)
        verbalizer = options.verbalizer
        if verbalizer is not None:
            check_verbalizer(verbalizer, job.task, preset.loss)
        self._job, self.options = job, options
        self._gslm = load_gslm_of(job)
        device = torch.device(job.device)
        frozen = FrozenLM(self._gslm.lm, products_dtype(job), device)
        self._task = UnitTask(job, self._gslm, verbalizer, preset.loss)
        self._schedule = Schedule.model_validate(
            {name: getattr(options, name) for name in Schedule.model_fields}
        )
        self._prompts: Prompts | ChannelPrompts
        self._objective: Objective | ChannelObjective
        if options.scoring == "channel":
            n_labels = len(self._task.answers.rows)
            own = ChannelPrompts(self._gslm.card.lm, options.prompt_length or 0, n_labels)
            self._prompts = own.to(device)
            self._objective = ChannelObjective(
                frozen, own, self._task.answers, options.label_smoothing
            )
        else:
            direct = self._direct_prompts(learnt=verbalizer == "learnable").to(device)
            self._prompts = direct
            self._objective = Objective(
                frozen, direct, self._task.answers, preset.loss, options.label_smoothing
            )

    def _direct_prompts(self, *, learnt: bool) -> Prompts:
        """Those of one answer for all labels; `learnt`: with a learnable verbalizer."""
        options, answers = self.options, self._task.answers
        first_map = None
        if learnt:
            first_map = answers.first_map(self._gslm.card.lm.n_rows)
        prompts = Prompts(
            self._gslm.card.lm,
            options.prompt_length or 0,
            options.prompt_mode,
            n_mapped_labels=0 if first_map is None else len(first_map),
            read_labels=answers.read if options.label_vectors == "trained" else None,
        )
        if prompts.label_map is not None and first_map is not None:
            prompts.label_map.data.copy_(first_map)
        return prompts

    @property
    def n_trainable(self) -> int:
        """Parameters that receive a gradient."""
        return self._prompts.n_trainable

    @property
    def n_trainable_paper(self) -> int | None:
        """Parameters as the papers count them."""
        return self._prompts.n_trainable_paper

    def describe(self) -> ModelDescription:
        """The frozen GSLM."""
        return description(self._job, self._gslm)

    def frozen_tensors(self) -> Mapping[str, torch.Tensor]:
        """The LM's weights, as loaded and as they are computed with."""
        return self._gslm.lm.state_dict() | self._objective.frozen.tensors()

    def _start(self) -> None:
        """The prompts' first values, from the seed."""
        job = self._job
        order = random.numpy_generator(job.seed, "start").permutation(len(job.corpus.train))
        sequences, n_tokens = [], 0
        for i in order:
            units = job.corpus.train[int(i)].units
            assert units is not None
            rows = self._gslm.rows_of(units[: self._gslm.card.lm.max_positions - 1])
            sequences.append(np.concatenate([[EOS], rows]))
            n_tokens += len(rows) + 1
            if n_tokens >= START_TOKENS:
                break
        generator = random.torch_generator(job.seed, "start", "tokens")
        frozen = self._objective.frozen
        self._prompts.start(frozen, pack(sequences).to(frozen.device), generator)

    def train(self) -> TrainRecord:
        """Tunes the prompts; the validation set's primary metric selects."""
        job = self._job
        warn_of_unknown_units(job, self._gslm, self._objective.frozen)
        self._start()
        tuning = Tuning(
            self._objective,
            self._task.examples(self.options.augment or 0),
            self._task.validator(self._objective, self.options.length_penalty),
            higher_is_better=METRICS.get(job.task.primary).higher_is_better,
            schedule=self._schedule,
            seed=job.seed,
            folder=job.folder,
            identity={
                "options": self.options.model_dump(mode="json"),
                "corpus": job.corpus.fingerprint,
                "gslm": self._gslm.fingerprint,
                "precision": self.describe().precision,
                "seed": job.seed,
            },
            progress=job.progress,
        )
        if job.resume and tuning.restore():
            job.progress.line(f"continuing at step {tuning.step}, in epoch {tuning.epoch + 1}")
        tuning.run()
        return TrainRecord(
            epochs=tuning.epoch,
            steps=tuning.step,
            best_epoch=tuning.best_epoch,
            search=[{"valid_score": tuning.best_valid_score, **self._schedule.model_dump()}],
        )

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        """Answers with the tuned prompts."""
        return self._task.answer(
            self._objective,
            self._task.read(utterances),
            beam=self.options.beam,
            length_penalty=self.options.length_penalty,
        )

    def save(self) -> int:
        """Writes `prompt.safetensors`: what was trained, and the verbalizer if there is one."""
        tensors = {name: p.detach().cpu() for name, p in self._prompts.named_parameters()}
        if self.options.verbalizer is not None:
            tensors["verbalizer_rows"] = torch.from_numpy(self._task.answers.rows)
        about = {
            "labels": self._job.labels.groups,
            "gslm": self._gslm.fingerprint,
            "task": self._job.task.name,
        }
        content = save(tensors, {"about": json.dumps(about)})  # one key: their order is random
        write_atomic(self._job.folder / "prompt.safetensors", content)
        return len(content)
