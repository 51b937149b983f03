"""A task as a unit LM meets it: what it reads, which rows it answers with, what they mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.augmentation import perturbed_units
from bench.errors import UsageError
from bench.gslm.folder import Gslm
from bench.method import Job, Prediction
from bench.prompting.channel import ChannelObjective, label_numbers
from bench.prompting.decoding import Search, decode
from bench.prompting.examples import Encoder, Example, Loss, TrainingExamples
from bench.prompting.objective import Answers, Objective
from bench.prompting.verbalizer import Name, Spelt, unit_frequencies, verbalize
from tasks.corpora.utterance import Utterance
from tasks.metrics.registry import METRICS
from tasks.spec import TaskSpec


def check_verbalizer(verbalizer: Name, task: TaskSpec, loss: Loss) -> None:
    """Refuses a verbalizer that does not go with the task or the loss.

    Raises:
        UsageError: for `learnable` with the full loss, and `alignment` with a label task.
    """
    if verbalizer == "learnable" and loss == "full":
        raise UsageError(
            "--verbalizer learnable maps the LM's outputs to the labels that compete: it goes "
            "with --loss labels only",
            hint="choose frequency, random or kmeans",
        )
    if verbalizer == "alignment" and not task.is_sequence:
        raise UsageError(
            f"--verbalizer alignment goes along sequences, and the answers of {task.name} are none",
            hint="choose frequency, random, kmeans or learnable",
        )


def _rows(job: Job, gslm: Gslm, verbalizer: Name) -> NDArray[np.int64]:
    """The rows of a job's labels."""
    units = [u.units for u in job.corpus.train if u.units is not None]
    frequencies = unit_frequencies(units, gslm.card.n_units)
    spelt = None
    if job.task.is_sequence:
        ids = [np.array(job.labels.ids(u.symbols), np.int64) for u in job.corpus.train]
        spelt = Spelt(units, ids)
    return verbalize(verbalizer, job.labels, gslm, frequencies, job.seed, spelt)


class UnitTask:
    """A job's task under a verbalizer.

    Args:
        job: the run's; its corpus has units that the GSLM knows.
        gslm: gives rows and positions.
        verbalizer: how labels become rows; None: they do not (through the channel).
        loss: which outputs training asks for.

    Attributes:
        answers: the rows that compete at each place of an answer.

    Raises:
        UsageError: if there are more labels than units.
    """

    def __init__(self, job: Job, gslm: Gslm, verbalizer: Name | None, loss: Loss) -> None:
        self.job, self.loss = job, loss
        rows = label_numbers(job.labels) if verbalizer is None else _rows(job, gslm, verbalizer)
        self.answers = Answers.of(job.labels, rows, is_sequence=job.task.is_sequence)
        self._encoder = Encoder(gslm, job.corpus.notes)
        self._longest = max(len(u.symbols) for u in job.corpus.train)

    def examples(self, copies: int = 0) -> TrainingExamples:
        """The training sequences, of the utterances and of perturbed copies of their audio.

        Args:
            copies: of each utterance; see `bench.speech.perturbation`.
        """
        units = perturbed_units(self.job, copies)
        train = self.job.corpus.train
        said = [[replace(u, units=x) for u, x in zip(train, copy, strict=True)] for copy in units]
        return TrainingExamples(
            *([self._example(u) for u in version] for version in (train, *said))
        )

    def _example(self, utterance: Utterance) -> Example:
        return self._encoder.example(
            utterance,
            self.answers.rows[list(self.job.labels.ids(utterance.symbols))],
            loss=self.loss,
            ends=self.answers.is_sequence,
        )

    def read(self, utterances: Sequence[Utterance]) -> list[NDArray[np.int64]]:
        """What the LM reads before it answers, with room for the longest answer of training."""
        answers = self.answers
        room = self._longest if answers.is_sequence else len(answers.groups) - 1
        return [self._encoder.prompt(u, room) for u in utterances]

    def answer(
        self,
        objective: Objective | ChannelObjective,
        sequences: list[NDArray[np.int64]],
        *,
        beam: int,
        length_penalty: float,
    ) -> list[Prediction]:
        """Decodes; sequences by a beam of `beam`, up to twice as long as any in training."""
        search = Search(beam, length_penalty, 2 * self._longest + 10)
        with self.job.progress.bar(len(sequences), "answering", "utterances") as bar:
            found = decode(objective, sequences, search, bar=bar)
        return [Prediction(self.job.labels.symbols(a.labels), a.score) for a in found]

    def validator(
        self, objective: Objective | ChannelObjective, length_penalty: float
    ) -> Callable[[], float]:
        """A function that gives the primary score of the validation set, decoded greedily."""
        metric = METRICS.get(self.job.task.primary)
        references = [u.symbols for u in self.job.corpus.valid]
        sequences = self.read(self.job.corpus.valid)

        def validate() -> float:
            found = self.answer(objective, sequences, beam=1, length_penalty=length_penalty)
            symbols = [p.symbols for p in found]
            statistics = metric.statistics(references, symbols, self.job.task)
            return float(metric.value(statistics.sum(axis=0)))

        return validate
