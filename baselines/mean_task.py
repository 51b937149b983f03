"""A label task on means over time: one small table in, labels out.

What every classifier of this project that pools its features reads, be they an upstream's or a
GSLM's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.fitting import Indices
from baselines.label_softmax import LabelSoftmax
from bench import random
from bench.method import Job, Prediction

IN_MEMORY_BYTES = 1 << 30
"""A larger table of means stays on disk, memory-mapped."""
ANSWER_BATCH = 1024

Table = Tensor | NDArray[np.float32]
"""(n_utterances, n_layers, dim) float32."""


class MeanTask:
    """The training problem and the answers of a label task.

    Args:
        job: the run's.
        start: gives a module with fresh weights, the same at every call, that maps (batch,
            n_layers, dim) means to (batch, n_labels) logits, the slots side by side.
        train: the means of the training set.
        valid: of the validation set.
        usable: indices of the training utterances to learn from.
        batch_utterances: utterances a step.
    """

    def __init__(
        self,
        job: Job,
        start: Callable[[], nn.Module],
        *,
        train: NDArray[np.float32],
        valid: NDArray[np.float32],
        usable: Indices,
        batch_utterances: int,
    ) -> None:
        self.job, self.start, self.usable = job, start, usable
        self.train, self.valid = _table(train), _table(valid)
        self.batch_utterances = batch_utterances
        self.softmax = LabelSoftmax(job.labels)
        ids = [job.labels.ids(u.symbols) for u in job.corpus.train]
        self.targets = torch.tensor(ids, device=job.device)

    def batches(self, epoch: int) -> Sequence[Indices]:
        """A new random order each epoch, in batches of `batch_utterances`."""
        generator = random.numpy_generator(self.job.seed, "batches", epoch)
        order = self.usable[generator.permutation(len(self.usable))]
        size = self.batch_utterances
        return [order[i : i + size] for i in range(0, len(order), size)]

    def loss(self, module: nn.Module, batch: Indices, step: int) -> Tensor:
        """The mean cross entropy, summed over slots."""
        logits = module(_rows(self.train, batch, self.job.device))
        return self.softmax.loss(logits, self.targets[torch.from_numpy(batch)])

    def answer_valid(self, module: nn.Module) -> list[tuple[str, ...]]:
        """Answers to the validation set."""
        return [p.symbols for p in answer(self.job, module, self.valid)]


@torch.no_grad()
def answer(job: Job, module: nn.Module, means: Table) -> list[Prediction]:
    """A classifier's answers, one a row of means."""
    softmax = LabelSoftmax(job.labels)
    found: list[Prediction] = []
    for start in range(0, len(means), ANSWER_BATCH):
        rows = np.arange(start, min(start + ANSWER_BATCH, len(means)))
        for ids, score in softmax.answers(module(_rows(means, rows, job.device))):
            found.append(Prediction(job.labels.symbols(ids), score))
    return found


def _rows(table: Table, batch: Indices, device: str) -> Tensor:
    if isinstance(table, Tensor):
        return table[torch.from_numpy(batch)].to(device)
    return torch.from_numpy(table[batch]).to(device)


def _table(means: NDArray[np.float32]) -> Table:
    return torch.from_numpy(np.array(means)) if means.nbytes <= IN_MEMORY_BYTES else means
