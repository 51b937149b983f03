"""The control that matters: logistic regression on which unit n-grams an utterance holds.

It knows nothing of speech, language models or the order of distant units. What prompts on a frozen
LM reach beyond it is what the LM adds.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from safetensors.numpy import save_file
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from baselines.training_log import write_training_log
from bench.augmentation import perturbed_units, settled_copies
from bench.errors import DataError, UsageError
from bench.files import atomic_path
from bench.method import Job, ModelDescription, Prediction
from bench.records import TrainRecord
from bench.unit_ngrams import ngram_counter, spaced
from tasks.corpora.utterance import Utterance

MAX_ITERATIONS = 1000


class BagOfUnitsOptions(BaseModel):
    """What decides the fit.

    Attributes:
        c: inverse strength of the L2 penalty (scikit-learn's C).
        ngrams: the longest run of units counted.
        min_count: an n-gram that fewer training utterances hold is left out.
        augment: copies of each training utterance, said as by another speaker elsewhere, that are
            learnt from beside it (audio only); None: 4, for units 0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    c: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    ngrams: int = Field(default=3, ge=1, le=6)
    min_count: int = Field(default=3, ge=1)
    augment: int | None = Field(default=None, ge=0)


class BagOfUnits:
    """Logistic regression on TF-IDF of unit n-grams; a class is a whole answer (all slots).

    Raises:
        UsageError: if the task's answers are sequences.
        DataError: if an utterance has no units, or training shows one answer only.
    """

    Options = BagOfUnitsOptions

    def __init__(self, job: Job, options: BaseModel) -> None:
        if not isinstance(options, BagOfUnitsOptions):
            raise TypeError(f"options of another method: {type(options).__name__}")
        if job.task.is_sequence:
            raise UsageError(
                f"method 'bag-of-units' cannot solve {job.task.name!r}: a bag has no order, so it "
                "gives no sequence",
                hint="it solves ks, ic and lid; for a floor under sequence tasks take `majority`",
            )
        self._job = job
        self._copies = settled_copies(job, options.augment)
        self.options = options.model_copy(update={"augment": self._copies})
        self._classes = sorted({utterance.symbols for utterance in job.corpus.train})
        if len(self._classes) < 2:
            raise DataError(
                f"training shows one answer only: {' '.join(self._classes[0])}",
                where=job.corpus.name,
                hint="logistic regression needs two or more",
            )
        for split in (job.corpus.train, job.corpus.valid, job.corpus.test):
            for utterance in split:
                _words(utterance)
        self._vectorizer: Any = None
        self._regression: Any = None

    @property
    def n_trainable(self) -> int:
        """Coefficients and intercepts."""
        return int(self._regression.coef_.size + self._regression.intercept_.size)

    @property
    def n_trainable_paper(self) -> int | None:
        """The papers have no such row."""
        return None

    def describe(self) -> ModelDescription:
        """There is no frozen model under it."""
        return ModelDescription(name="none", fingerprint="none", n_total=0)

    def train(self) -> TrainRecord:
        """Fits the whole training set at once.

        Raises:
            DataError: if no n-gram is frequent enough.
        """
        options, train = self.options, self._job.corpus.train
        class_ids = {symbols: i for i, symbols in enumerate(self._classes)}
        copies = perturbed_units(self._job, self._copies)
        said = [_words(utterance) for utterance in train]
        said += [spaced(units) for copy in copies for units in copy]
        ids = [class_ids[utterance.symbols] for utterance in train]
        targets = np.tile(ids, 1 + self._copies)
        self._vectorizer = ngram_counter(options.ngrams, options.min_count)
        try:
            features = self._vectorizer.fit_transform(said)
        except ValueError as error:
            raise DataError(
                f"no unit n-gram occurs in {options.min_count} training utterances",
                where=self._job.corpus.name,
                hint="give a smaller --min-count",
            ) from error
        self._regression = LogisticRegression(C=options.c, max_iter=MAX_ITERATIONS)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            self._regression.fit(features, targets)
        if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
            self._job.corpus.notes["regression_not_converged"] = 1
            self._job.progress.line(f"the regression did not settle in {MAX_ITERATIONS} iterations")
        return write_training_log(
            self._job,
            self.predict,
            {
                "c": options.c,
                "features": int(features.shape[1]),
                "iterations": int(self._regression.n_iter_.max()),
            },
        )

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        """The most probable answer to each, with its log-probability."""
        if not utterances:
            return []
        features = self._vectorizer.transform([_words(u) for u in utterances])
        scores: NDArray[np.float64] = self._regression.predict_log_proba(features)
        best = scores.argmax(axis=1)
        return [
            Prediction(self._classes[i], float(row[i])) for i, row in zip(best, scores, strict=True)
        ]

    def save(self) -> int:
        """Writes weights, n-grams and answers into one file; returns its bytes.

        Raises:
            StorageError: if it cannot be written.
        """
        words = [str(word) for word in self._vectorizer.get_feature_names_out()]
        meaning = {"ngrams": words, "answers": self._classes}
        file = self._job.folder / "model.safetensors"
        with atomic_path(file) as temporary:
            save_file(
                {
                    "coefficients": self._regression.coef_.astype(np.float32),
                    "idf": self._vectorizer.idf_.astype(np.float32),
                    "intercepts": self._regression.intercept_.astype(np.float32),
                },
                temporary,
                metadata={"vocabulary": json.dumps(meaning)},
            )
        return file.stat().st_size


def _words(utterance: Utterance) -> str:
    if utterance.units is None:
        raise DataError(
            f"utterance {utterance.id!r} has no units",
            where=utterance.where,
            hint="method 'bag-of-units' needs a units folder (file|u1 u2 ...|labels)",
        )
    return spaced(utterance.units)
