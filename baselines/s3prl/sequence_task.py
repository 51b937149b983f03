"""ASR and SF: what a split is read as goes in, CTC, symbols come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from baselines.answering import answer_in_batches
from baselines.fitting import Indices
from baselines.inputs import Inputs, Read
from baselines.s3prl.ctc_decoding import Decoder, greedy
from baselines.s3prl.ctc_model import ctc_loss, log_probability
from bench import random
from bench.gslm.packing import length_bucketed
from bench.method import Job, Prediction
from tasks.corpora.utterance import Utterance


class SequenceTask:
    """A sequence task on audio.

    Args:
        job: the run's.
        start: gives a module with the seed's first weights.
        read: reads a split as that module is called with it.
        batch_utterances: utterances a step.
        decoder: gives the test answers; validation takes the best path.
    """

    def __init__(
        self,
        job: Job,
        start: Callable[[], nn.Module],
        read: Read,
        *,
        batch_utterances: int,
        decoder: Decoder,
    ) -> None:
        self.job, self.start, self.read = job, start, read
        self.batch_utterances, self.decoder = batch_utterances, decoder

    def prepare(self) -> SequenceProblem:
        """The training problem.

        Raises:
            DataError, MissingError: if audio is damaged or absent.
        """
        return SequenceProblem(
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
        split = self.read(utterances)
        return _answer(self.job, module, split, self.batch_utterances, self.decoder)


class SequenceProblem:
    """The training problem of a sequence task.

    Args:
        job: the run's.
        start: gives a module with fresh weights, the same at every call, that makes scores and
            steps (see `CtcModel.forward`) of what `Inputs.take` gives.
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
        self.labels = [list(job.labels.ids(u.symbols)) for u in job.corpus.train]

    def batches(self, epoch: int) -> Sequence[Indices]:
        """Utterances of similar length together, in a new order each epoch."""
        sizes, limit = self.train.sizes, self.train.limit
        generator = random.numpy_generator(self.job.seed, "batches", epoch)
        return list(length_bucketed(sizes, limit, generator, max_utterances=self.batch_utterances))

    def read(self, batch: Indices) -> tuple[tuple[Any, ...], list[list[int]]]:
        """The module's arguments for a batch, and its label ids."""
        return self.train.take(batch), [self.labels[i] for i in batch]

    def loss(
        self, module: nn.Module, read: tuple[tuple[Any, ...], list[list[int]]], step: int
    ) -> Tensor:
        """The mean CTC loss a label."""
        inputs, labels = read
        scores, steps = module(*inputs)
        return ctc_loss(scores, steps, labels)

    def answer_valid(self, module: nn.Module) -> list[tuple[str, ...]]:
        """The best paths of the validation set."""
        found = _answer(
            self.job, module, self.valid, self.batch_utterances, greedy, with_scores=False
        )
        return [p.symbols for p in found]


def _answer(
    job: Job,
    module: nn.Module,
    split: Inputs,
    batch_utterances: int,
    decoder: Decoder,
    *,
    with_scores: bool = True,
) -> list[Prediction]:
    def answers(batch: Indices) -> Iterator[tuple[Sequence[int], float]]:
        scores, steps = module(*split.take(batch))
        for row, n in zip(scores, steps.tolist(), strict=True):
            labels = decoder(row[:n])
            yield labels, log_probability(row[:n], labels) if with_scores else 0.0

    return answer_in_batches(job, split, answers, batch_utterances)
