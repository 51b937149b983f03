"""The method `s3prl`: SUPERB's downstream model on a frozen s3prl upstream.

Source: SUPERB (Yang et al. 2021); recipes as in s3prl 0.4.18 (see docs/deviations.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from pydantic import BaseModel
from torch import Tensor

from baselines.inputs import Read
from baselines.s3prl.downstream import Downstream, load_upstream, make_head
from baselines.s3prl.frame_features import Budget, FrameReader
from baselines.s3prl.options import S3prlOptions, settled
from baselines.s3prl.pooled_features import PooledFeatures
from baselines.s3prl.recipes import recipe_of
from bench.method import Job, ModelDescription, Prediction
from bench.records import TrainRecord
from tasks.corpora.utterance import Utterance


class S3prlMethod:
    """A downstream model on a frozen upstream.

    Raises:
        UsageError: if the options do not go together.
        UsageError, MissingError, CheckpointError, DataError: see `load_upstream`.
    """

    Options = S3prlOptions

    def __init__(self, job: Job, options: BaseModel) -> None:
        if not isinstance(options, S3prlOptions):
            raise TypeError(f"options of another method: {type(options).__name__}")
        recipe = recipe_of(job.task.name, "s3prl")
        self._rates, self.options = settled(job, recipe, options)
        budget = Budget(options.feature_cache)
        self._upstream = load_upstream(job, options)
        read: Read = partial(
            PooledFeatures, self._upstream, gain_db=recipe.gain_db, progress=job.progress
        )
        if job.task.is_sequence or self.options.head == "recurrent":
            read = FrameReader(
                self._upstream, gain_db=recipe.gain_db, budget=budget, progress=job.progress
            )
        start = partial(make_head, job, self._upstream, self.options)
        self._work = Downstream(job, self._upstream, recipe, self.options, start, read)

    @property
    def n_trainable(self) -> int:
        """Head and layer weights."""
        return self._work.n_trainable

    @property
    def n_trainable_paper(self) -> int | None:
        """The head alone, as in the papers' 0.2M."""
        return self._work.module.n_head_parameters

    def describe(self) -> ModelDescription:
        """The frozen upstream."""
        return self._work.describe()

    def frozen_tensors(self) -> Mapping[str, Tensor]:
        """The upstream's weights; none for `fbank` and its like."""
        return self._upstream.weights()

    def train(self) -> TrainRecord:
        """Computes features once, then trains every trial of the search on them."""
        return self._work.train(self._rates, {})

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        """Answers of the best trial's best round."""
        return self._work.predict(utterances)

    def save(self) -> int:
        """Writes `model.safetensors`: head and layer weights."""
        return self._work.save()
