"""The method `s3prl-finetune`: SUPERB's downstream model and the s3prl upstream, trained together.

What freezing the upstream costs is measured against it: head, loss, decoding and loop are those of
`s3prl`, so what differs between the two rows is what is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from pydantic import BaseModel

from baselines.s3prl.downstream import Downstream, load_upstream, make_head
from baselines.s3prl.options import FinetuneOptions, settled
from baselines.s3prl.recipes import Recipe, recipe_of
from baselines.s3prl.tuned_model import Tuning
from baselines.s3prl.waves import Waves
from bench.method import Job, ModelDescription, Prediction
from bench.records import TrainRecord
from tasks.corpora.utterance import Utterance

LABELS_LR = (1e-3,)
"""Of the head for KS, IC and LID: the middle one of those that `s3prl` tries. An epoch costs a pass
of the upstream and back, so one is tried where none is given."""
MAX_EPOCHS = {"label": 30, "slots": 30, "text": 100, "slot_text": 100}
"""Of SUPERB's head, by the form of the task's answer."""


class S3prlFinetune:
    """A downstream model and its upstream, both trained.

    Raises:
        UsageError: if the options do not go together, or nothing of the upstream can be trained.
        UsageError, MissingError, CheckpointError, DataError: see `load_upstream`.
    """

    Options = FinetuneOptions

    def __init__(self, job: Job, options: BaseModel) -> None:
        if not isinstance(options, FinetuneOptions):
            raise TypeError(f"options of another method: {type(options).__name__}")
        recipe = _recipe(job)
        self._rates, self.options = settled(job, recipe, options)
        upstream = load_upstream(job, options, frozen=False)
        tuning = Tuning(upstream, partial(make_head, job, upstream, self.options))
        read = partial(Waves, gain_db=recipe.gain_db, progress=job.progress)
        self._work = Downstream(job, upstream, recipe, self.options, tuning.start, read)

    @property
    def n_trainable(self) -> int:
        """Head, layer weights, and what of the upstream a gradient reaches."""
        return self._work.n_trainable

    @property
    def n_trainable_paper(self) -> int | None:
        """The papers have no such row."""
        return None

    def describe(self) -> ModelDescription:
        """The upstream that training starts from."""
        return self._work.describe()

    def train(self) -> TrainRecord:
        """Trains every trial of the search; the upstream's rate is the same in all."""
        return self._work.train(self._rates, {"upstream.": self.options.upstream_lr})

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        """Answers of the best trial's best round."""
        return self._work.predict(utterances)

    def save(self) -> int:
        """Writes `model.safetensors`: head, layer weights, and what was trained of the upstream."""
        return self._work.save()


def _recipe(job: Job) -> Recipe:
    recipe = recipe_of(job.task.name, "s3prl-finetune")
    training = recipe.heads["superb"]._replace(max_epochs=MAX_EPOCHS[job.task.answer])
    if not job.task.is_sequence:
        training = training._replace(search=LABELS_LR)
    return replace(recipe, heads={**recipe.heads, "superb": training})
