"""The method `finetune-lm`: the whole GSLM is trained to answer, without prompts.

What prompting saves is measured against it: everything is the same but what is trained.

Source: SpeechPrompt (Chang et al. 2022), FT-LM: lr 5e-4, inverse square root, dropout 0.1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import save

from baselines.fitting import Fitting, Plan
from baselines.lm_finetuning import AnsweringLM, LmFinetuning
from baselines.option_text import rates, search_text
from bench.augmentation import settled_copies
from bench.files import write_atomic
from bench.memory import keep_freed_memory
from bench.method import Job, ModelDescription, Prediction
from bench.prompting.frozen import FrozenLM
from bench.prompting.knowing_units import (
    description,
    load_gslm_of,
    products_dtype,
    warn_of_unknown_units,
)
from bench.prompting.presets import preset_of
from bench.prompting.unit_task import UnitTask, check_verbalizer
from bench.prompting.verbalizer import Name
from bench.records import TrainRecord
from tasks.corpora.utterance import Utterance

LR = 5e-4
MAX_EPOCHS = {"label": 10, "slots": 10, "text": 30, "slot_text": 30}
"""By the form of the task's answer."""
MAX_WARMUP_STEPS = 500
BATCH_UTTERANCES = 32
BETAS = (0.9, 0.98)
CLIP_NORM = 1.0


class FinetuneLmOptions(BaseModel):
    """What decides the fine-tuning.

    Attributes:
        lr: peak learning rate of Adam; None: `search`.
        search: `lr=A,B,...`: each is tried, validation chooses; None: 5e-4, unless `lr` is given.
        warmup_steps: linear warm-up, after which the rate falls with the inverse square root of
            the step; None: one epoch, 500 steps at most; 0: a constant rate.
        dropout: in the LM, on the embedding and the residual branches.
        verbalizer: how labels become units; None: `frequency`.
        loss: `labels`: cross entropy between the labels possible at each place; `full`: over the
            whole vocabulary, from the separator on, as in the paper; None: `labels`.
        max_epochs: passes over the training set at most in a trial; None: 10, sequences 30.
        max_minutes: time limit of all trials together.
        patience: validations without a better score before a trial stops.
        batch_tokens: tokens a step at most.
        batch_utterances: utterances a step at most; None: 32.
        unit_dropout: share of an utterance's units left out in training, drawn anew each step.
        window: a training utterance is read as a stretch of its units, drawn anew each step, with
            this share of them at least; 1: whole; None: as prompts' preset for the task, whole
            with the full loss.
        mix: a training utterance is put together from parts of up to so many utterances of the same
            answer, drawn anew each epoch; 1: of itself alone; None: as prompts' preset.
        augment: copies of each training utterance, said as by another speaker elsewhere, that
            are trained on beside it (audio only); None: 4, for units 0.
        beam: hypotheses kept for sequence tasks.
        length_penalty: exponent of the length that a hypothesis' score is divided by.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lr: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    search: str | None = None
    warmup_steps: int | None = Field(default=None, ge=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    verbalizer: Name | None = None
    loss: Literal["labels", "full"] | None = None
    max_epochs: int | None = Field(default=None, ge=1)
    max_minutes: float | None = Field(default=None, gt=0)
    patience: int = Field(default=10, ge=1)
    batch_tokens: int = Field(default=512, ge=1)
    batch_utterances: int | None = Field(default=None, ge=1)
    unit_dropout: float = Field(default=0.0, ge=0, lt=1)
    window: float | None = Field(default=None, gt=0, le=1)
    mix: int | None = Field(default=None, ge=1)
    augment: int | None = Field(default=None, ge=0)
    beam: int = Field(default=5, ge=1)
    length_penalty: float = Field(default=1.0, ge=0)


class FinetuneLm:
    """A GSLM that is trained whole.

    Raises:
        UsageError: if the options do not go together, or there are more labels than units.
        MissingError, CheckpointError: if there is no GSLM, or it is damaged.
        DataError: if the corpus holds units that the GSLM does not know.
    """

    Options = FinetuneLmOptions

    def __init__(self, job: Job, options: BaseModel) -> None:
        if not isinstance(options, FinetuneLmOptions):
            raise TypeError(f"options of another method: {type(options).__name__}")
        verbalizer = options.verbalizer or "frequency"
        loss = options.loss or "labels"
        check_verbalizer(verbalizer, job.task, loss)
        self._rates = rates(options.lr, options.search, (LR,))
        copies = settled_copies(job, options.augment)
        batch_utterances = options.batch_utterances or BATCH_UTTERANCES
        preset = preset_of(job.task, loss, "direct", n_train=len(job.corpus.train))
        window = preset.window if options.window is None else options.window
        mix = preset.mix if options.mix is None else options.mix
        keep_freed_memory()
        self._job, self._gslm = job, load_gslm_of(job)
        self._work = LmFinetuning(
            job,
            self._gslm,
            UnitTask(job, self._gslm, verbalizer, loss),
            learnable=verbalizer == "learnable",
            dropout=options.dropout,
            unit_dropout=options.unit_dropout,
            window=window,
            mix=mix,
            copies=copies,
            batch_tokens=options.batch_tokens,
            batch_utterances=batch_utterances,
            dtype=products_dtype(job),
        )
        self._warmup_steps = options.warmup_steps
        if self._warmup_steps is None:
            self._warmup_steps = min(MAX_WARMUP_STEPS, self._work.n_batches())
        self._max_epochs = options.max_epochs or MAX_EPOCHS[job.task.answer]
        settled: dict[str, object] = {
            "verbalizer": verbalizer,
            "loss": loss,
            "augment": copies,
            "batch_utterances": batch_utterances,
            "window": window,
            "mix": mix,
            "max_epochs": self._max_epochs,
            "warmup_steps": self._warmup_steps,
        }
        if options.lr is None:
            settled["search"] = search_text(self._rates)
        self.options = options.model_copy(update=settled)
        self._module: AnsweringLM = self._work.start()

    @property
    def n_trainable(self) -> int:
        """Every weight of the LM (its positions are computed), and the map of the verbalizer."""
        return sum(p.numel() for p in self._module.parameters())

    @property
    def n_trainable_paper(self) -> int | None:
        """The papers count the LM."""
        return self.n_trainable

    def describe(self) -> ModelDescription:
        """The GSLM that training starts from."""
        return description(self._job, self._gslm)

    def train(self) -> TrainRecord:
        """Trains every trial of the search; the validation set's primary metric selects."""
        job, options = self._job, self.options
        before = FrozenLM(self._gslm.lm, products_dtype(job), job.device)
        warn_of_unknown_units(job, self._gslm, before)
        plan = Plan(
            rates=self._rates,
            max_epochs=self._max_epochs,
            max_minutes=options.max_minutes,
            patience=options.patience,
            clip_norm=CLIP_NORM,
            betas=BETAS,
            warmup_steps=self._warmup_steps or 0,
        )
        identity = {
            "options": options.model_dump(mode="json"),
            "corpus": job.corpus.fingerprint,
            "gslm": self._gslm.fingerprint,
            "precision": self.describe().precision,
            "seed": job.seed,
        }
        fitting = Fitting(self._work, plan, job, identity)
        record = fitting.run()
        self._module.to(job.device).load_state_dict(fitting.best)
        return record

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        """Answers of the best trial's best round."""
        options = self.options
        return self._work.predict(
            self._module, utterances, beam=options.beam, length_penalty=options.length_penalty
        )

    def save(self) -> int:
        """Writes `model.safetensors`: the trained LM and the verbalizer."""
        tensors = {n: t.detach().cpu().contiguous() for n, t in self._module.named_parameters()}
        tensors["verbalizer_rows"] = torch.from_numpy(self._work.task.answers.rows)
        about = {
            "labels": self._job.labels.groups,
            "gslm": self._gslm.fingerprint,
            "task": self._job.task.name,
        }
        content = save(tensors, {"about": json.dumps(about)})
        write_atomic(self._job.folder / "model.safetensors", content)
        return len(content)
