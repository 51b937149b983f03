"""What a method is: it gets a job, trains, predicts, and saves what it learned.

The runner owns the order of events (train, save, predict the test set once, score) and everything
a run has in common; a method owns its model and its training. A method is any class of this shape;
nothing is inherited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pydantic import BaseModel
    from torch import Tensor

    from bench.progress import Progress
    from bench.records import Precision, TrainRecord
    from tasks.corpora.corpus import Corpus
    from tasks.corpora.utterance import Utterance
    from tasks.labels import Labels
    from tasks.spec import TaskSpec


@dataclass(kw_only=True)
class Job:
    """What a method is given: the task, the data, and where and how to work.

    A method must not change it, and must not read `folder` before `train`: the folder's name
    depends on the model that the method's `__init__` loads, so the runner fills it in after.

    Attributes:
        labels: the label inventory of the training set.
        folder: the run folder; `train.jsonl`, `checkpoint/` and the weights go here.
        resume: continue from `checkpoint/` if a valid one is there.
        device: "cpu" or a torch device, e.g. "cuda:0".
        precision: "fp32", "bf16" or "auto" (bf16 where the device is fast at it).
        gslm: name or folder of a GSLM, for methods that need one.
        upstream: name of an s3prl upstream, for methods that need one.
        upstream_ckpt: its local weights, where they are given.
    """

    task: TaskSpec
    corpus: Corpus
    labels: Labels
    seed: int
    folder: Path
    resume: bool
    progress: Progress
    device: str
    precision: str
    gslm: str | None
    upstream: str | None
    upstream_ckpt: Path | None = None


class Prediction(NamedTuple):
    """An answer and its log-probability (natural logarithm)."""

    symbols: tuple[str, ...]
    score: float


@dataclass(frozen=True)
class ModelDescription:
    """The frozen model under a method.

    Attributes:
        name: short; becomes part of the run folder's name.
        fingerprint: SHA-256 in hex over everything that decides the model's outputs.
        n_total: parameters of the frozen model.
        precision: of its matrix products; None where there are none.
    """

    name: str
    fingerprint: str
    n_total: int
    precision: Precision | None = None


class Method(Protocol):
    """One way to solve a task.

    Attributes:
        Options: the method's own options: a pydantic model with defaults, `extra="forbid"`.
    """

    Options: ClassVar[type[BaseModel]]

    def __init__(self, job: Job, options: BaseModel) -> None:
        """Loads the model; raises before any long work if it does not fit the job."""

    @property
    def options(self) -> BaseModel:
        """The options with everything that was left open settled; valid after `__init__`."""
        ...

    @property
    def n_trainable(self) -> int:
        """Parameters that are really trained; valid after `train`."""
        ...

    @property
    def n_trainable_paper(self) -> int | None:
        """The count as the SpeechPrompt papers make it; None where they do not count."""
        ...

    def describe(self) -> ModelDescription:
        """The frozen model; valid after `__init__`."""
        ...

    def train(self) -> TrainRecord:
        """Trains on the job's training set, selecting on its validation set.

        Writes one JSON object an epoch to `train.jsonl`, and `checkpoint/` atomically, as it goes.
        """
        ...

    def predict(self, utterances: Sequence[Utterance]) -> list[Prediction]:
        """Answers in the order of the utterances, one each."""
        ...

    def save(self) -> int:
        """Writes the trained weights as safetensors into the folder; returns the stored bytes."""
        ...


@runtime_checkable
class HoldsFrozenWeights(Protocol):
    """A method on a frozen model that lets others see that it stays frozen (`bench check`)."""

    def frozen_tensors(self) -> Mapping[str, Tensor]:
        """The frozen weights by name, as they are in memory at this moment."""
        ...
