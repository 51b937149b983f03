"""The record of a run: what was asked, what came out, what it cost.

`record.json` is the one thing that reports read. It is versioned, rejects unknown fields, and
holds unrounded numbers. Scores are fractions (0..1; an error rate may pass 1), never percent.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.errors import DataError, MissingError
from bench.migrations import migrate

JsonDict = dict[str, Any]
"""A JSON object whose keys belong to somebody else (a method's options, a search trial)."""


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("has no time zone; times are UTC")
    return moment.astimezone(timezone.utc)


Moment = Annotated[datetime, AfterValidator(_in_utc)]


class StrictModel(BaseModel):
    """Known fields and finite numbers only; never changed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=()
    )


class Score(StrictModel):
    """One metric's value with its bootstrap interval over `n` utterances (or speakers)."""

    value: float
    unit: str
    higher_is_better: bool
    ci95: tuple[float, float]
    n: int = Field(ge=0)


class Skipped(StrictModel):
    """An utterance that was left out, and why."""

    id: str
    reason: str


class TaskRecord(StrictModel):
    """Which task, in which version of its definition."""

    name: str
    version: str


class CorpusRecord(StrictModel):
    """Which data: two runs compare only on the same data.

    `fingerprint` covers all that the method read. Where units were made from audio, `data` is the
    fingerprint without them: that of the audio and the answers, which methods on other units and
    on no units read as well.
    """

    name: str
    fingerprint: str
    data: str | None = None
    n: dict[str, int]
    skipped: list[Skipped] = []
    notes: dict[str, int] = {}

    @property
    def compared(self) -> str:
        """The fingerprint of what runs are compared on."""
        return self.data or self.fingerprint


class MethodRecord(StrictModel):
    """Which method, with all its options resolved."""

    name: str
    options: JsonDict


Precision = Literal["fp32", "bf16"]
"""Of matrix products."""


class ModelRecord(StrictModel):
    """Which frozen model; `n_total` counts all of its parameters.

    `precision` is what its matrix products were computed in; None where there are none, or where
    the record is older than the field.
    """

    name: str
    fingerprint: str
    n_total: int = Field(ge=0)
    precision: Precision | None = None


class TrainRecord(StrictModel):
    """How training went; `search` holds one object for every setting tried on validation."""

    epochs: int = Field(ge=0)
    steps: int = Field(ge=0)
    best_epoch: int | None = None
    search: list[JsonDict] = []


class CostRecord(StrictModel):
    """What the run cost. Times add up over the parts of a resumed run."""

    prepare_s: float = Field(ge=0)
    train_s: float = Field(ge=0)
    eval_s: float = Field(ge=0)
    utt_per_s: float = Field(ge=0)
    peak_rss_bytes: int = Field(ge=0)
    device: str
    threads: int = Field(ge=1)


class VersionsRecord(StrictModel):
    """What the run was made with; commit and dirty are None outside a git checkout."""

    python: str
    packages: dict[str, str]
    commit: str | None = None
    dirty: bool | None = None


class Record(StrictModel):
    """The record of one run; what a failed or interrupted run does not know is None or empty."""

    schema_version: Literal[6] = 6
    status: Literal["ok", "failed", "interrupted"]
    started: Moment
    ended: Moment
    task: TaskRecord
    corpus: CorpusRecord
    method: MethodRecord
    model: ModelRecord | None = None
    n_trainable: int | None = Field(default=None, ge=0)
    n_trainable_paper: int | None = Field(default=None, ge=0)
    stored_bytes: int | None = Field(default=None, ge=0)
    seed: int
    primary: str
    scores: dict[str, Score] = {}
    train: TrainRecord | None = None
    cost: CostRecord
    versions: VersionsRecord
    error: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Record:
        if self.status == "ok":
            absent = [
                name
                for name in ("model", "n_trainable", "stored_bytes", "train")
                if getattr(self, name) is None
            ]
            if absent:
                raise ValueError(f"a finished run lacks {', '.join(absent)}")
            if self.primary not in self.scores:
                raise ValueError(f"the primary metric {self.primary!r} is not among the scores")
            if self.error is not None:
                raise ValueError("a finished run carries an error")
        elif self.status == "failed" and not self.error:
            raise ValueError("a failed run does not say why (error)")
        return self

    def to_json(self) -> str:
        """The content of `record.json`: indented, ending in a newline."""
        return self.model_dump_json(indent=2) + "\n"


def load_record(path: Path) -> Record:
    """Reads a record; one of an older version is brought up to date (`bench.migrations`).

    Args:
        path: a `record.json`, or the run folder that holds one.

    Raises:
        MissingError: if there is none.
        DataError: if it is not a record; names the file and the field.
    """
    file = path / "record.json" if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise MissingError(
            "there is no record here",
            where=str(file),
            hint="a run writes its record when it ends; start it again if it was killed",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", where=str(file)) from error
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"is not JSON: {error.msg}", where=f"{file}:{error.lineno}") from error
    except (RecursionError, ValueError) as error:
        raise DataError(f"is not JSON of a record: {error}", where=str(file)) from error
    content = migrate(content, str(file))
    try:
        return Record.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise DataError(
            "; ".join(
                f"{'.'.join(str(part) for part in item['loc']) or 'record'}: {item['msg']}"
                for item in error.errors()[:5]
            ),
            where=str(file),
            hint="the file was not written by this version of bench, or was edited",
        ) from error
