"""A unit LM that is trained whole to answer: the training problem, and its answers.

Examples, verbalizer, competing rows and decoding are those of prompting, without prompts.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from baselines.fitting import Indices
from bench import random
from bench.gslm.card import BOS
from bench.gslm.folder import Gslm
from bench.gslm.lm import UnitLM
from bench.gslm.packing import Packed
from bench.method import Job, Prediction
from bench.prompting.examples import Example, TrainingExamples, collate, drawn, epoch_batches
from bench.prompting.frozen import FrozenLM
from bench.prompting.objective import Competition, Objective
from bench.prompting.prompts import Prompts
from bench.prompting.unit_task import UnitTask
from tasks.corpora.utterance import Utterance


class AnsweringLM(nn.Module):
    """A unit LM, and the map of a learnable verbalizer where there is one.

    Args:
        lm: is trained.
        label_map: (n_labels, n_rows) first values of the map; None for a fixed verbalizer.
    """

    def __init__(self, lm: UnitLM, label_map: Tensor | None) -> None:
        super().__init__()
        self.lm = lm
        self.label_map = None if label_map is None else nn.Parameter(label_map)

    def hidden(
        self, batch: Packed, dropout: float = 0.0, generator: np.random.Generator | None = None
    ) -> Tensor:
        """(n_outputs, dim) after the final norm; see `UnitLM.forward`."""
        states: Tensor = self.lm(batch, dropout, generator)
        return states[batch.outputs]

    def logits(self, hidden: Tensor) -> Tensor:
        """(n, n_rows) float32 scores of all rows."""
        return self.lm.logits(hidden).float()


class LmFinetuning:
    """Fine-tuning as `Fitting` asks for it.

    Args:
        job: the run's.
        gslm: where every trial starts; it is copied, never changed.
        task: the answers.
        learnable: whether a map from the LM's outputs to the labels is trained too.
        dropout: in the LM, on the embedding and the residual branches.
        unit_dropout: share of an utterance's units left out, drawn anew each step.
        window: an utterance is read as a stretch of its units with this share of them at least,
            drawn anew each step; 1: whole.
        mix: an utterance is put together from parts of up to so many of the same answer, drawn anew
            each epoch.
        copies: of each training utterance, perturbed, to train on beside it.
        batch_tokens: tokens a step at most.
        batch_utterances: utterances a step at most.
        dtype: of the matrix products; the trained weights are float32.
    """

    def __init__(
        self,
        job: Job,
        gslm: Gslm,
        task: UnitTask,
        *,
        learnable: bool,
        dropout: float,
        unit_dropout: float,
        window: float,
        mix: int,
        copies: int,
        batch_tokens: int,
        batch_utterances: int,
        dtype: torch.dtype,
    ) -> None:
        self.job, self.gslm, self.task, self.learnable = job, gslm, task, learnable
        self.dropout, self.unit_dropout = dropout, unit_dropout
        self.window, self.mix = window, mix
        self.batch_tokens, self.batch_utterances = batch_tokens, batch_utterances
        self.dtype, self.device = dtype, torch.device(job.device)
        self.copies = copies
        self._of_epoch: list[Example] = []
        self._valid = task.read(job.corpus.valid)
        n_rows = gslm.card.lm.n_rows
        self.competition = Competition(task.answers, task.loss, n_rows, self.device)

    def start(self) -> AnsweringLM:
        """The GSLM's own weights; a map that begins as the frequency verbalizer."""
        label_map = None
        if self.learnable:
            label_map = self.task.answers.first_map(self.gslm.card.lm.n_rows)
        return AnsweringLM(copy.deepcopy(self.gslm.lm), label_map)

    @cached_property
    def examples(self) -> TrainingExamples:
        """The training sequences; made when training begins, since copies take a while."""
        return self.task.examples(self.copies)

    def n_batches(self) -> int:
        """Of an epoch without copies."""
        return len(self._batches(self.task.examples().of_epoch(self.job.seed, 0), 0))

    def batches(self, epoch: int) -> Sequence[Indices]:
        """Utterances of similar length together, in a new order each epoch."""
        self._of_epoch = self.examples.of_epoch(self.job.seed, epoch, self.mix)
        return self._batches(self._of_epoch, epoch)

    def _batches(self, examples: list[Example], epoch: int) -> Sequence[Indices]:
        return epoch_batches(
            examples,
            self.job.seed,
            epoch,
            tokens=self.batch_tokens,
            utterances=self.batch_utterances,
        )

    def read(self, batch: Indices) -> list[Example]:
        """The training sequences of a batch."""
        return [self._of_epoch[i] for i in batch]

    def loss(self, module: nn.Module, read: list[Example], step: int) -> Tensor:
        """The mean cross entropy an output; dropout is drawn from the seed and the step."""
        assert isinstance(module, AnsweringLM)
        examples = drawn(
            read, self.job.seed, step, unit_dropout=self.unit_dropout, window=self.window
        )
        packed, targets = collate(examples)
        drops = random.numpy_generator(self.job.seed, "tuning", "dropout", step)

        def scores(hidden: Tensor, slot: int) -> Tensor:
            logits = module.logits(hidden)
            if module.label_map is None:
                return logits[:, self.competition.rows[slot]]
            mapped = self.task.answers.mapped(slot)
            return logits @ module.label_map[mapped.start : mapped.stop].t()

        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            hidden = module.hidden(packed.to(self.device), self.dropout, drops)
            return self.competition.loss(hidden, targets.to(self.device), module.logits, scores)

    def answer_valid(self, module: nn.Module) -> list[tuple[str, ...]]:
        """Answers to the validation set, decoded greedily."""
        found = self.task.answer(self.objective(module), self._valid, beam=1, length_penalty=1.0)
        return [p.symbols for p in found]

    def predict(
        self,
        module: nn.Module,
        utterances: Sequence[Utterance],
        *,
        beam: int,
        length_penalty: float,
    ) -> list[Prediction]:
        """Answers of a trained LM."""
        sequences = self.task.read(utterances)
        return self.task.answer(
            self.objective(module), sequences, beam=beam, length_penalty=length_penalty
        )

    @torch.no_grad()
    def objective(self, module: nn.Module) -> Objective:
        """The LM as decoding wants it: as it stands now, with no prompts."""
        assert isinstance(module, AnsweringLM)
        n_mapped = 0 if module.label_map is None else len(module.label_map)
        none = Prompts(self.gslm.card.lm, 0, "deep", n_mapped_labels=n_mapped)
        none.separator.copy_(module.lm.embed.weight[BOS])
        if none.label_map is not None and module.label_map is not None:
            none.label_map.copy_(module.label_map)
        frozen = FrozenLM(module.lm, self.dtype, self.device)
        return Objective(frozen, none.to(self.device), self.task.answers, self.task.loss)
