"""What is kept of one run: all that it is compared by, and nothing that differs by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from bench.errors import DataError, MissingError
from bench.records import StrictModel
from bench.resampling import Floats
from bench.utterance_statistics import Ratio
from reports.per_utterance import Sample

Work = Literal["training", "inference"]
Speed = dict[str, float]
"""Name of a piece of reference work -> natural logarithm of time relative to it."""


class Machine(StrictModel):
    """Where a run was made: with equal ones, equal code gives equal answers."""

    cpu: str
    platform: str
    python: str
    packages: dict[str, str]
    threads: int


class Direction(StrictModel):
    """A metric's value of one run, as its record has it, and which way is better."""

    value: float
    unit: str
    higher_is_better: bool


class Measurement(StrictModel):
    """One run of a cell.

    Attributes:
        seed: of the run.
        options: what was run, resolved: the request and the method's options.
        n: utterances of each split.
        utterances: digest of ids and references of the test set, in order.
        corpus: the corpus fingerprint.
        works_on_units: whether that covers units, which are computed from audio.
        model: the frozen model's name, and below its fingerprint and size.
        frozen: fingerprint of the frozen weights in memory before training and after the answers;
            None for a method that does not show them.
        scores: all metrics.
        ratios: numerators and denominators of those that are ratios, utterance by utterance.
        speakers: of the utterances, where known.
        train_loss: of the last round; None where the method logs none.
        speed: what was timed.
        machine: where.
    """

    seed: int
    options: dict[str, Any]
    n: dict[str, int]
    utterances: str
    corpus: str
    works_on_units: bool
    model: str
    model_fingerprint: str
    model_n_total: int
    frozen_before: str | None
    frozen_after: str | None
    n_trainable: int
    n_trainable_paper: int | None
    primary: str
    scores: dict[str, Direction]
    ratios: dict[str, Ratio]
    speakers: list[int] | None
    train_loss: float | None
    speed: dict[Work, Speed] = Field(default_factory=dict)
    machine: Machine

    def sample(self, metric: str) -> Sample:
        """A metric's sums, for statistics."""
        ratio = self.ratios[metric]
        above = np.array([ratio.numerator], dtype=np.float64)
        below: Floats = np.broadcast_to(np.array(ratio.denominator, np.float64), above.shape)
        speakers = tuple(self.speakers) if self.speakers is not None else None
        return Sample(utterances=self.utterances, above=above, below=below, speakers=speakers)

    def to_line(self) -> str:
        """One line of JSON."""
        content = self.model_dump(mode="json")
        for ratio in content["ratios"].values():
            for part in ("numerator", "denominator"):
                ratio[part] = _whole(ratio[part])
        return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


class Kept(StrictModel):
    """A measurement in the folder of a check.

    Attributes:
        folder: the run folder it was made in.
        seconds: wall clock of the whole run.
    """

    folder: str
    seconds: float = Field(ge=0)
    measured: Measurement


def load_kept(file: Path) -> Kept | None:
    """Reads what a check has kept; None if it is not there.

    Raises:
        DataError: if it is damaged.
    """
    try:
        return Kept.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MissingError(f"cannot be read: {error.strerror}", where=str(file)) from error
    except ValidationError as error:
        raise DataError(
            f"is no measurement: {error.errors()[0]['msg']}",
            where=str(file),
            hint="remove it, or start the check anew without --resume",
        ) from error


def _whole(values: Any) -> Any:
    if isinstance(values, list):
        return [_whole(value) for value in values]
    return int(values) if float(values).is_integer() else values
