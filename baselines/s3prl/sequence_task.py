"""ASR and SF on a frozen upstream: cached frames in, CTC, symbols out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from baselines.fitting import Indices
from baselines.s3prl.containment import seeded
from baselines.s3prl.ctc_decoding import Decoder, greedy
from baselines.s3prl.ctc_model import CtcModel, HeadSize, ctc_loss, log_probability
from baselines.s3prl.frame_features import Budget, FrameFeatures
from baselines.s3prl.upstream import Upstream
from bench import random
from bench.gslm.packing import length_bucketed
from bench.method import Job, Prediction
from bench.speech.damaged import leave_out, refuse
from tasks.corpora.utterance import Utterance

BATCH_FRAMES = 32_000
"""Frames in a batch at most: the memory of a step (a longer utterance goes alone)."""


class SequenceTask:
    """The training problem and the answers of a sequence task.

    Args:
        job: the run's.
        upstream: the frozen upstream.
        size: of the head.
        spec_augment: mask features in training.
        gain_db: of the recipe.
        batch_utterances: utterances a step.
        budget: disk space for features.
        decoder: gives the test answers; validation takes the best path.
    """

    def __init__(
        self,
        job: Job,
        upstream: Upstream,
        *,
        size: HeadSize,
        spec_augment: bool,
        gain_db: float,
        batch_utterances: int,
        budget: Budget,
        decoder: Decoder,
    ) -> None:
        self.job, self.upstream, self.size, self.spec_augment = job, upstream, size, spec_augment
        self.gain_db, self.batch_utterances = gain_db, batch_utterances
        self.budget, self.decoder = budget, decoder
        self.module = self.start()
        self._known: list[tuple[Sequence[Utterance], FrameFeatures]] = []

    def start(self) -> CtcModel:
        """A head with the seed's first weights."""
        up = self.upstream
        with seeded(random.derive(self.job.seed, "start")):
            return CtcModel(
                up.n_layers,
                up.dim,
                up.stride,
                self.job.labels.n,
                self.size,
                spec_augment=self.spec_augment,
            )

    def prepare(self) -> SequenceTask:
        """Itself, with the features of all splits.

        Damaged audio ends it, or is left out of training.

        Raises:
            DataError, MissingError: see `extract`, `bench.speech.damaged`.
        """
        corpus = self.job.corpus
        self.train = self._features(corpus.train)
        self.valid = self._features(corpus.valid)
        test = self._features(corpus.test)
        for name, split, found in (
            ("test", corpus.test, test),
            ("validation", corpus.valid, self.valid),
        ):
            refuse(corpus, name, _damage(split, found))
        leave_out(corpus, _damage(corpus.train, self.train))
        self.usable = np.flatnonzero(self.train.n_frames)
        self.labels = [list(self.job.labels.ids(u.symbols)) for u in corpus.train]
        for name, split, found in (
            ("training", corpus.train, self.train),
            ("validation", corpus.valid, self.valid),
        ):
            if self.budget.left is not None and found.n_stored < len(split):
                self.job.progress.line(
                    f"the features of {len(split) - found.n_stored} {name} utterances are beyond "
                    "--feature-cache: they are computed in every epoch"
                )
        return self

    def batches(self, epoch: int) -> Sequence[Indices]:
        """Utterances of similar length together, in a new order each epoch."""
        lengths = self.train.n_frames[self.usable]
        generator = random.numpy_generator(self.job.seed, "batches", epoch)
        found = length_bucketed(
            lengths, BATCH_FRAMES, generator, max_utterances=self.batch_utterances
        )
        return [self.usable[batch] for batch in found]

    def loss(self, module: nn.Module, batch: Indices, step: int) -> Tensor:
        """The mean CTC loss a label; dropout and masks are drawn from the seed and the step."""
        with seeded(random.derive(self.job.seed, "step", step)):
            scores, steps = self._scores(module, self.train, batch)
        return ctc_loss(scores, steps, [self.labels[i] for i in batch])

    def answer_valid(self, module: nn.Module) -> list[tuple[str, ...]]:
        """The best paths of the validation set."""
        return [p.symbols for p in self._answer(module, self.valid, greedy, with_scores=False)]

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        """Answers of the trained module.

        Raises:
            DataError: if audio is damaged.
        """
        features = self._features(utterances)
        refuse(self.job.corpus, "test", _damage(utterances, features))
        return self._answer(self.module, features, self.decoder, with_scores=True)

    def _features(self, utterances: Sequence[Utterance]) -> FrameFeatures:
        """Of a split; the same object for the same one, so that the budget is charged once."""
        for known, features in self._known:
            if known is utterances:
                return features
        features = FrameFeatures(
            self.upstream,
            utterances,
            gain_db=self.gain_db,
            budget=self.budget,
            progress=self.job.progress,
        )
        self._known.append((utterances, features))
        return features

    def _scores(
        self, module: nn.Module, features: FrameFeatures, batch: Indices
    ) -> tuple[Tensor, Tensor]:
        frames = [features[int(i)].transpose(0, 1) for i in batch]
        lengths = torch.tensor([len(f) for f in frames])
        padded = pad_sequence(frames, batch_first=True).permute(2, 0, 1, 3)
        scores, steps = module(padded.to(self.job.device), lengths)
        return scores, steps

    @torch.no_grad()
    def _answer(
        self, module: nn.Module, features: FrameFeatures, decoder: Decoder, *, with_scores: bool
    ) -> list[Prediction]:
        found: dict[int, Prediction] = {}
        lengths = features.n_frames
        with self.job.progress.bar(len(lengths), "answering", "utterances") as bar:
            for batch in length_bucketed(
                lengths, BATCH_FRAMES, None, max_utterances=self.batch_utterances
            ):
                scores, steps = self._scores(module, features, batch)
                for index, row, n in zip(batch.tolist(), scores, steps.tolist(), strict=True):
                    labels = decoder(row[:n])
                    score = log_probability(row[:n], labels) if with_scores else 0.0
                    found[index] = Prediction(self.job.labels.symbols(labels), score)
                bar.advance(len(batch))
        return [found[index] for index in range(len(lengths))]


def _damage(
    utterances: Sequence[Utterance], features: FrameFeatures
) -> list[tuple[Utterance, str]]:
    return [(utterances[index], reason) for index, reason in sorted(features.damage.items())]
