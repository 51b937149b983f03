"""The floor of every table: always the answer that training shows most often."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict
from safetensors.numpy import save_file

from baselines.training_log import write_training_log
from bench.files import atomic_path
from bench.method import Job, ModelDescription, Prediction
from bench.records import TrainRecord
from tasks.corpora.utterance import Utterance


class MajorityOptions(BaseModel):
    """It has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Majority:
    """The most frequent full answer; of equally frequent ones the first in sorted order."""

    Options = MajorityOptions

    def __init__(self, job: Job, options: BaseModel) -> None:
        self.options = options
        self._job = job
        self._answer: tuple[str, ...] = ()
        self._count = 0
        self._n = 0

    @property
    def n_trainable(self) -> int:
        """Nothing is trained."""
        return 0

    @property
    def n_trainable_paper(self) -> int | None:
        """The papers have no such row."""
        return None

    def describe(self) -> ModelDescription:
        """There is no frozen model under it."""
        return ModelDescription(name="none", fingerprint="none", n_total=0)

    def train(self) -> TrainRecord:
        """Counts the answers."""
        counts = Counter(utterance.symbols for utterance in self._job.corpus.train)
        self._answer, self._count = min(counts.items(), key=lambda item: (-item[1], item[0]))
        self._n = counts.total()
        return write_training_log(self._job, self.predict, {})

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        """The same answer to each, with the logarithm of its share in training."""
        answer = Prediction(self._answer, math.log(self._count / self._n))
        return [answer] * len(utterances)

    def save(self) -> int:
        """Writes the answer and its counts; returns the bytes.

        Raises:
            StorageError: if they cannot be written.
        """
        file = self._job.folder / "model.safetensors"
        with atomic_path(file) as temporary:
            save_file(
                {"counts": np.array([self._count, self._n], dtype=np.int64)},
                temporary,
                metadata={"answer": json.dumps(self._answer)},
            )
        return file.stat().st_size
