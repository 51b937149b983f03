"""What lies beside a record in its run folder. Absent files are None, malformed ones an error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from bench.errors import DataError
from bench.utterance_statistics import UtteranceStatistics, load_statistics

Read = TypeVar("Read")


class Answer(BaseModel):
    """A line of `predictions.jsonl`."""

    model_config = ConfigDict(frozen=True)

    id: str
    reference: str
    hypothesis: str
    score: float | None = None
    audio: str | None = None
    start_s: float | None = None
    end_s: float | None = None


class ConfusionCell(BaseModel):
    """A cell of `confusion.json`: how often which answer was taken for which."""

    model_config = ConfigDict(frozen=True)

    slot: str
    reference: str
    hypothesis: str
    n: int


_CELLS = TypeAdapter(list[ConfusionCell])


def answers(folder: Path) -> list[Answer] | None:
    """The test answers of a run.

    Raises:
        DataError: if the file is malformed.
    """
    return _read(folder / "predictions.jsonl", lambda text: _lines(text, Answer.model_validate))


def epochs(folder: Path) -> list[dict[str, Any]] | None:
    """What was logged of every epoch, as far as it is numbers.

    Raises:
        DataError: if the file is malformed.
    """
    return _read(folder / "train.jsonl", lambda text: _lines(text, _numbers))


def confusion(folder: Path) -> list[ConfusionCell] | None:
    """The confusion matrix.

    Raises:
        DataError: if the file is malformed.
    """
    return _read(folder / "confusion.json", _CELLS.validate_json)


def statistics(folder: Path) -> UtteranceStatistics | None:
    """The statistics of every utterance.

    Raises:
        DataError: if the file is malformed.
    """
    return load_statistics(folder / "statistics.json")


def _read(file: Path, parse: Callable[[str], Read]) -> Read | None:
    try:
        return parse(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError, ValidationError, ValueError, RecursionError) as error:
        text = " ".join(str(error).split())
        raise DataError(f"cannot be read: {text}", where=str(file)) from error


def _lines(text: str, parse: Callable[[Any], Read]) -> list[Read]:
    return [parse(json.loads(line)) for line in text.splitlines() if line.strip()]


def _numbers(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ValueError("a line is no JSON object")
    return {
        name: value
        for name, value in content.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
