"""KS, IC and LID on a frozen upstream: time means in, labels out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.fitting import Indices
from baselines.s3prl.containment import seeded
from baselines.s3prl.pooled_classifier import PooledClassifier
from baselines.s3prl.pooled_features import PooledFeatures
from baselines.s3prl.upstream import Upstream
from bench import random
from bench.method import Job, Prediction
from bench.speech.damaged import leave_out, refuse
from tasks.corpora.utterance import Utterance

IN_MEMORY_BYTES = 1 << 30
"""A larger table of means stays on disk, memory-mapped."""
ANSWER_BATCH = 1024


class LabelTask:
    """The training problem and the answers of a label task.

    Args:
        job: the run's.
        upstream: the frozen upstream.
        gain_db: of the recipe.
        batch_utterances: utterances a step.
    """

    def __init__(
        self, job: Job, upstream: Upstream, *, gain_db: float, batch_utterances: int
    ) -> None:
        self.job, self.upstream = job, upstream
        self.gain_db, self.batch_utterances = gain_db, batch_utterances
        self.module = self.start()

    def start(self) -> PooledClassifier:
        """A classifier with the seed's first weights."""
        up = self.upstream
        with seeded(random.derive(self.job.seed, "start")):
            return PooledClassifier(up.n_layers, up.dim, up.stride, self.job.labels)

    def prepare(self) -> None:
        """Computes the features of all splits; damaged audio ends it, or is left out of training.

        Raises:
            DataError, MissingError: see `extract`, `bench.speech.damaged`.
        """
        corpus = self.job.corpus
        for name, split in (("test", corpus.test), ("validation", corpus.valid)):
            refuse(corpus, name, _damage(split, self._features(split)))
        train = self._features(corpus.train)
        leave_out(corpus, _damage(corpus.train, train))
        self.train_means = _table(train.means)
        self.valid_means = _table(self._features(corpus.valid).means)
        whole = [i for i in range(len(corpus.train)) if i not in train.damage]
        self.usable = np.array(whole, dtype=np.int64)
        ids = [self.job.labels.ids(u.symbols) for u in corpus.train]
        self.targets = torch.tensor(ids, device=self.job.device)

    def batches(self, epoch: int) -> Sequence[Indices]:
        """A new random order each epoch, in batches of `batch_utterances`."""
        generator = random.numpy_generator(self.job.seed, "batches", epoch)
        order = self.usable[generator.permutation(len(self.usable))]
        size = self.batch_utterances
        return [order[i : i + size] for i in range(0, len(order), size)]

    def loss(self, module: nn.Module, batch: Indices, step: int) -> Tensor:
        """The mean cross entropy, summed over slots."""
        assert isinstance(module, PooledClassifier)
        logits = module(self._rows(self.train_means, batch))
        return module.loss(logits, self.targets[torch.from_numpy(batch)])

    def answer_valid(self, module: nn.Module) -> list[tuple[str, ...]]:
        """Answers to the validation set."""
        assert isinstance(module, PooledClassifier)
        return [p.symbols for p in self._answer(module, self.valid_means)]

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        """Answers of the trained module.

        Raises:
            DataError: if audio is damaged.
        """
        features = self._features(utterances)
        refuse(self.job.corpus, "test", _damage(utterances, features))
        return self._answer(self.module, _table(features.means))

    def _features(self, utterances: Sequence[Utterance]) -> PooledFeatures:
        return PooledFeatures(
            self.upstream, utterances, gain_db=self.gain_db, progress=self.job.progress
        )

    def _rows(self, table: Tensor | NDArray[np.float32], batch: Indices) -> Tensor:
        if isinstance(table, Tensor):
            return table[torch.from_numpy(batch)].to(self.job.device)
        return torch.from_numpy(table[batch]).to(self.job.device)

    @torch.no_grad()
    def _answer(
        self, module: PooledClassifier, table: Tensor | NDArray[np.float32]
    ) -> list[Prediction]:
        found: list[Prediction] = []
        for start in range(0, len(table), ANSWER_BATCH):
            rows = np.arange(start, min(start + ANSWER_BATCH, len(table)))
            for ids, score in module.answers(module(self._rows(table, rows))):
                found.append(Prediction(self.job.labels.symbols(ids), score))
        return found


def _table(means: NDArray[np.float32]) -> Tensor | NDArray[np.float32]:
    return torch.from_numpy(np.array(means)) if means.nbytes <= IN_MEMORY_BYTES else means


def _damage(
    utterances: Sequence[Utterance], features: PooledFeatures
) -> list[tuple[Utterance, str]]:
    return [(utterances[index], reason) for index, reason in sorted(features.damage.items())]
