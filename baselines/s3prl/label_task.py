"""KS, IC and LID on a frozen upstream: time means in, labels out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from baselines.mean_task import MeanTask, answer
from baselines.s3prl.containment import seeded
from baselines.s3prl.pooled_classifier import PooledClassifier
from baselines.s3prl.pooled_features import PooledFeatures
from baselines.s3prl.upstream import Upstream
from bench import random
from bench.method import Job, Prediction
from bench.speech.damaged import leave_out, refuse
from tasks.corpora.utterance import Utterance


class LabelTask:
    """A label task on the frozen features of audio.

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

    def prepare(self) -> MeanTask:
        """The training problem, on the features of all splits.

        Damaged audio ends it, or is left out of training.

        Raises:
            DataError, MissingError: see `extract`, `bench.speech.damaged`.
        """
        corpus = self.job.corpus
        for name, split in (("test", corpus.test), ("validation", corpus.valid)):
            refuse(corpus, name, _damage(split, self._features(split)))
        train = self._features(corpus.train)
        leave_out(corpus, _damage(corpus.train, train))
        whole = [i for i in range(len(corpus.train)) if i not in train.damage]
        return MeanTask(
            self.job,
            self.start,
            train=train.means,
            valid=self._features(corpus.valid).means,
            usable=np.array(whole, dtype=np.int64),
            batch_utterances=self.batch_utterances,
        )

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        """Answers of the trained module.

        Raises:
            DataError: if audio is damaged.
        """
        features = self._features(utterances)
        refuse(self.job.corpus, "test", _damage(utterances, features))
        return answer(self.job, self.module, features.means)

    def _features(self, utterances: Sequence[Utterance]) -> PooledFeatures:
        return PooledFeatures(
            self.upstream, utterances, gain_db=self.gain_db, progress=self.job.progress
        )


def _damage(
    utterances: Sequence[Utterance], features: PooledFeatures
) -> list[tuple[Utterance, str]]:
    return [(utterances[index], reason) for index, reason in sorted(features.damage.items())]
