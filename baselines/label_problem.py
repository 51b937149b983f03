"""A label task as `Fitting` asks for it: inputs of a module in, labels out.

What every classifier of this project goes through, be it on an upstream's means, on a GSLM's, or
on waveforms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.answering import answer_in_batches
from baselines.fitting import HasGradients, Indices
from baselines.inputs import Inputs
from baselines.label_softmax import LabelSoftmax
from bench import random
from bench.method import Job, Prediction

ROWS_AT_ONCE = 1024
"""Utterances answered at once where each is a row of a table."""


class LabelProblem:
    """The training problem of a label task.

    Args:
        job: the run's.
        start: gives a module with fresh weights, the same at every call, that makes (batch,
            n_labels) logits, the slots side by side, of what `Inputs.take` gives.
        train: the training set.
        valid: the validation set.
        batch_utterances: utterances a step.
    """

    def __init__(
        self,
        job: Job,
        start: Callable[[], nn.Module],
        *,
        train: Inputs,
        valid: Inputs,
        batch_utterances: int,
    ) -> None:
        self.job, self.start = job, start
        self.train, self.valid = train, valid
        self.batch_utterances = batch_utterances
        self.softmax = LabelSoftmax(job.labels)
        ids = [job.labels.ids(u.symbols) for u in job.corpus.train]
        self.targets = torch.tensor(ids, device=job.device)

    def batches(self, epoch: int) -> Sequence[Indices]:
        """A new random order each epoch, cut into batches."""
        generator = random.numpy_generator(self.job.seed, "batches", epoch)
        order = generator.permutation(len(self.train.sizes))
        return _cut(order, self.train.sizes[order], self.train.limit, self.batch_utterances)

    def read(self, batch: Indices) -> tuple[tuple[Any, ...], Tensor]:
        """A module's arguments for a batch, and (batch, n_groups) label ids."""
        return self.train.take(batch), self.targets[torch.from_numpy(batch)]

    def loss(self, module: nn.Module, read: tuple[tuple[Any, ...], Tensor], step: int) -> Tensor:
        """The mean cross entropy, summed over slots."""
        inputs, targets = read
        if isinstance(module, HasGradients):
            return module.differentiate(*inputs, targets, self.softmax)
        return self.softmax.loss(module(*inputs), targets)

    def answer_valid(self, module: nn.Module) -> list[tuple[str, ...]]:
        """Answers to the validation set."""
        return [p.symbols for p in answer(self.job, module, self.valid, self.batch_utterances)]


def answer(job: Job, module: nn.Module, inputs: Inputs, batch_utterances: int) -> list[Prediction]:
    """A classifier's answers to a split.

    Args:
        job: the run's.
        module: gives logits; see `LabelProblem`.
        inputs: the split.
        batch_utterances: those of a training step; no more are answered at once where they differ
            in length, since a batch may be padded to its longest.
    """
    softmax = LabelSoftmax(job.labels)
    alike = len(inputs.sizes) > 0 and int(np.ptp(inputs.sizes)) == 0
    return answer_in_batches(
        job,
        inputs,
        lambda batch: softmax.answers(module(*inputs.take(batch))),
        ROWS_AT_ONCE if alike else batch_utterances,
    )


def _cut(
    order: Indices, sizes: NDArray[np.int64], limit: int, max_utterances: int
) -> list[Indices]:
    """An order cut into batches that keep to both limits."""
    batches: list[Indices] = []
    begin = total = 0
    for end, size in enumerate(sizes.tolist()):
        if end > begin and (total + size > limit or end - begin == max_utterances):
            batches.append(order[begin:end])
            begin, total = end, 0
        total += size
    if begin < len(order):
        batches.append(order[begin:])
    return batches
