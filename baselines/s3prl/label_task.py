"""KS, IC and LID: what a split is read as goes in, labels come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from baselines.inputs import Read
from baselines.label_problem import LabelProblem, answer
from bench.method import Job, Prediction
from tasks.corpora.utterance import Utterance


class LabelTask:
    """A label task on audio.

    Args:
        job: the run's.
        start: gives a module with the seed's first weights.
        read: reads a split as that module is called with it.
        batch_utterances: utterances a step.
    """

    def __init__(
        self, job: Job, start: Callable[[], nn.Module], read: Read, *, batch_utterances: int
    ) -> None:
        self.job, self.start, self.read = job, start, read
        self.batch_utterances = batch_utterances

    def prepare(self) -> LabelProblem:
        """The training problem.

        Raises:
            DataError, MissingError: if audio is damaged or absent.
        """
        return LabelProblem(
            self.job,
            self.start,
            train=self.read(self.job.corpus.train),
            valid=self.read(self.job.corpus.valid),
            batch_utterances=self.batch_utterances,
        )

    def predict(self, module: nn.Module, utterances: Sequence[Utterance]) -> list[Prediction]:
        """Answers of a trained module.

        Raises:
            DataError: if audio is damaged.
        """
        return answer(self.job, module, self.read(utterances), self.batch_utterances)
