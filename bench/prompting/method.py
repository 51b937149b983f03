"""The method `prompt`: prompt tuning on a frozen GSLM.

Units -> frozen unit LM with trained prompts -> label units -> verbalizer -> answer.

Source: SpeechPrompt (Chang et al., Interspeech 2022; v2 2023).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import save

from bench import random
from bench.errors import UsageError
from bench.files import write_atomic
from bench.gslm.card import EOS
from bench.gslm.folder import load_gslm
from bench.gslm.packing import pack
from bench.gslm.perplexity import perplexity
from bench.gslm.precision import fast_in_bf16
from bench.memory import keep_freed_memory
from bench.method import Job, ModelDescription, Prediction
from bench.prompting.decoding import Search, decode
from bench.prompting.examples import Encoder
from bench.prompting.frozen import FrozenLM
from bench.prompting.objective import Answers, Objective
from bench.prompting.presets import PRESETS
from bench.prompting.prompts import Prompts
from bench.prompting.tuning import Schedule, Tuning
from bench.prompting.verbalizer import unit_frequencies, verbalize
from bench.records import TrainRecord
from tasks.corpora.units import check_units
from tasks.corpora.utterance import Utterance
from tasks.metrics.registry import METRICS

START_TOKENS = 4096
"""Training tokens whose activations the prompts may begin at."""


class PromptOptions(BaseModel):
    """What decides prompt tuning.

    Attributes:
        prompt_length: prompt vectors (of each layer, in deep mode); None: the task's preset.
        prompt_mode: `deep`: keys and values of every layer; `input`: vectors before the first.
        verbalizer: how labels become units; None: `learnable` for label tasks (`frequency` with
            the full loss), `frequency` for sequence tasks.
        loss: `labels`: cross entropy between the labels possible at each place; `full`: over the
            whole vocabulary, from the separator on, as in the paper.
        lr: peak learning rate of Adam; None: the task's preset.
        schedule: `cosine` decays to 0 over max_epochs or max_minutes, whichever ends first.
        warmup_steps: steps of linear warm-up.
        max_epochs: passes over the training set at most; None: the task's preset.
        max_minutes: time limit of the tuning.
        patience: validations without a better score before stopping.
        batch_tokens: tokens a step at most.
        batch_utterances: utterances a step at most.
        prompt_dropout: probability of dropping a prompt's element in training.
        unit_dropout: share of an utterance's units left out in training, drawn anew each step.
        beam: hypotheses kept for sequence tasks.
        length_penalty: exponent of the length that a hypothesis' score is divided by.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt_length: int | None = Field(default=None, ge=0)
    prompt_mode: Literal["deep", "input"] = "deep"
    verbalizer: Literal["frequency", "random", "kmeans", "learnable"] | None = None
    loss: Literal["labels", "full"] = "labels"
    lr: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_steps: int = Field(default=50, ge=0)
    max_epochs: int | None = Field(default=None, ge=1)
    max_minutes: float | None = Field(default=None, gt=0)
    patience: int = Field(default=10, ge=1)
    batch_tokens: int = Field(default=512, ge=1)
    batch_utterances: int = Field(default=32, ge=1)
    prompt_dropout: float = Field(default=0.1, ge=0, lt=1)
    unit_dropout: float = Field(default=0.0, ge=0, lt=1)
    beam: int = Field(default=5, ge=1)
    length_penalty: float = Field(default=1.0, ge=0)


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
        preset = PRESETS[job.task.answer]
        left_open = {k: v for k, v in preset._asdict().items() if getattr(options, k) is None}
        if options.loss == "full" and options.verbalizer is None:
            left_open["verbalizer"] = "frequency"
        options = options.model_copy(update=left_open)
        if options.verbalizer == "learnable" and (job.task.is_sequence or options.loss == "full"):
            raise UsageError(
                "--verbalizer learnable maps the LM's outputs to the labels of a slot: it goes "
                "with label tasks and --loss labels only",
                hint="choose frequency, random or kmeans",
            )
        self._job, self.options = job, options
        assert job.gslm is not None
        self._gslm = load_gslm(Path(job.gslm))
        for split in (job.corpus.train, job.corpus.valid, job.corpus.test):
            check_units(split, self._gslm.card.n_units)
        device = torch.device(job.device)
        bf16 = job.precision == "bf16" or (job.precision == "auto" and fast_in_bf16(device))
        frozen = FrozenLM(self._gslm.lm, torch.bfloat16 if bf16 else torch.float32, device)
        units = [u.units for u in job.corpus.train if u.units is not None]
        rows = verbalize(
            options.verbalizer or "frequency",
            job.labels,
            self._gslm,
            unit_frequencies(units, self._gslm.card.n_units),
            job.seed,
        )
        self._answers = Answers.of(job.labels, rows, is_sequence=job.task.is_sequence)
        learnable = options.verbalizer == "learnable"
        self._prompts = Prompts(
            self._gslm.card.lm,
            options.prompt_length or 0,
            options.prompt_mode,
            n_mapped_labels=job.labels.n if learnable else 0,
        ).to(device)
        if self._prompts.label_map is not None:
            self._prompts.label_map.data[torch.arange(len(rows)), torch.from_numpy(rows)] = 1.0
        self._schedule = Schedule.model_validate(
            {name: getattr(options, name) for name in Schedule.model_fields}
        )
        self._objective = Objective(frozen, self._prompts, self._answers, options.loss)
        self._encoder = Encoder(self._gslm, job.corpus.notes)
        self._longest = max(len(u.symbols) for u in job.corpus.train)

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
        card = self._gslm.card
        return ModelDescription(card.name, self._gslm.fingerprint, card.lm.n_parameters)

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
        job, answers = self._job, self._answers
        self._check_perplexity()
        self._start()
        examples = [
            self._encoder.example(
                u,
                answers.rows[list(job.labels.ids(u.symbols))],
                loss=self.options.loss,
                ends=answers.is_sequence,
            )
            for u in job.corpus.train
        ]
        metric = METRICS.get(job.task.primary)
        references = [u.symbols for u in job.corpus.valid]
        valid = self._encoded(job.corpus.valid)

        def validate() -> float:
            found = self._answer(valid, beam=1)
            statistics = metric.statistics(references, [p.symbols for p in found], job.task)
            return float(metric.value(statistics.sum(axis=0)))

        tuning = Tuning(
            self._objective,
            examples,
            validate,
            higher_is_better=metric.higher_is_better,
            schedule=self._schedule,
            seed=job.seed,
            folder=job.folder,
            identity={
                "options": self.options.model_dump(mode="json"),
                "corpus": job.corpus.fingerprint,
                "gslm": self._gslm.fingerprint,
                "seed": job.seed,
            },
            progress=job.progress,
        )
        if job.resume and tuning.restore():
            job.progress.line(f"continuing after epoch {tuning.epoch}")
        tuning.run()
        return TrainRecord(
            epochs=tuning.epoch,
            steps=tuning.step,
            best_epoch=tuning.best_epoch,
            search=[{"valid_score": tuning.best_valid_score, **self._schedule.model_dump()}],
        )

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        """Answers with the tuned prompts."""
        return self._answer(self._encoded(utterances), beam=self.options.beam)

    def _encoded(self, utterances: Sequence[Utterance]) -> list[NDArray[np.int64]]:
        """What the LM reads before it answers, with room for the longest answer of training."""
        room = self._longest if self._answers.is_sequence else len(self._answers.groups) - 1
        return [self._encoder.prompt(u, room) for u in utterances]

    def _answer(self, sequences: list[NDArray[np.int64]], *, beam: int) -> list[Prediction]:
        """Decode; sequences by a beam of `beam`, up to twice as long as any in training."""
        search = Search(beam, self.options.length_penalty, 2 * self._longest + 10)
        with self._job.progress.bar(len(sequences), "answering", "utterances") as bar:
            found = decode(self._objective, sequences, search, bar=bar)
        return [Prediction(self._job.labels.symbols(a.labels), a.score) for a in found]

    def _check_perplexity(self) -> None:
        """Warn of an LM that does not know the corpus's units."""
        frozen, card = self._objective.frozen, self._gslm.card
        limit = card.lm.max_positions - 1
        sequences = [
            self._gslm.rows_of(u.units[:limit])
            for u in self._job.corpus.valid
            if u.units is not None
        ]
        found = perplexity(frozen.next_scores, sequences, card.n_units, frozen.device)
        if found.looks_untrained:
            self._job.corpus.notes["lm_looks_untrained"] = 1
            self._job.progress.line(
                f"warning: the LM looks untrained: its perplexity on validation units is "
                f"{found.lm:.1f}, by frequencies alone it is {found.unigram:.1f}; check that "
                "the GSLM was trained on units of this encoder"
            )

    def save(self) -> int:
        """Writes `prompt.safetensors`: the trained parameters and the verbalizer."""
        tensors = {name: p.detach().cpu() for name, p in self._prompts.named_parameters()}
        tensors["verbalizer_rows"] = torch.from_numpy(self._answers.rows)
        about = {
            "labels": self._job.labels.groups,
            "gslm": self._gslm.fingerprint,
            "task": self._job.task.name,
        }
        content = save(tensors, {"about": json.dumps(about)})  # one key: their order is random
        write_atomic(self._job.folder / "prompt.safetensors", content)
        return len(content)
