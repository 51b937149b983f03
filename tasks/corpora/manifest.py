"""Manifest folders: `train.jsonl`, `valid.jsonl`, `test.jsonl`, one JSON object an utterance.

`corpus.json` beside them is the corpus's card. Audio is located here, never opened: a missing file
is found when the utterance's audio is asked for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from bench.errors import DataError, MissingError, UsageError, closest
from tasks.corpora.corpus import SPLITS, Corpus, SplitName
from tasks.corpora.lines import numbered_lines
from tasks.corpora.split import Split, without_repeats
from tasks.corpora.utterance import Utterance
from tasks.readable import writable
from tasks.spec import TaskSpec

CARD = "corpus.json"
FIELDS = (
    "id",
    "audio",
    "start_s",
    "end_s",
    "label",
    "labels",
    "text",
    "slots",
    "speaker",
    "language",
)


class CorpusCard(BaseModel):
    """What a corpus says about itself.

    Attributes:
        fingerprints: SHA-256 in hex over each split's rows and samples, where it is known; then a
            change of the audio is a change of the corpus.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str
    licence: str
    source: str
    task: str
    fingerprints: dict[SplitName, str] | None = None


def open_manifest_folder(folder: Path, task: TaskSpec) -> Corpus:
    """The corpus in a manifest folder; only its card is read yet.

    Raises:
        MissingError: if there is no card.
        DataError: if the card is malformed.
        UsageError: if it is the corpus of another task.
    """
    card = read_card(folder / CARD)
    if card.task != task.name:
        raise UsageError(
            f"this is a corpus for {card.task}, not for {task.name}",
            where=str(folder / CARD),
            hint=f"run it with --task {card.task}",
        )
    root = folder.resolve()
    readers = {name: partial(read_manifest, root / f"{name}.jsonl", task) for name in SPLITS}
    samples = json.dumps(card.fingerprints, sort_keys=True) if card.fingerprints else ""
    return Corpus(name=card.name, task=task, readers=readers, root=root, samples=samples)


def read_card(path: Path) -> CorpusCard:
    """Reads a corpus card.

    Raises:
        MissingError: if there is none.
        DataError: naming the field that is wrong.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MissingError(
            f"cannot be read: {error.strerror}",
            where=str(path),
            hint=f"a manifest folder has a {CARD} with {', '.join(CorpusCard.model_fields)}",
        ) from error
    try:
        return CorpusCard.model_validate_json(content)
    except ValidationError as error:
        raise _card_error(error.errors()[0], str(path)) from None


def _card_error(problem: ErrorDetails, where: str) -> DataError:
    field = ".".join(map(str, problem["loc"]))
    if problem["type"] == "missing":
        return DataError(f"no `{field}`", where=where)
    if problem["type"] == "extra_forbidden":
        meant = closest(field, CorpusCard.model_fields)
        hint = f"did you mean {meant!r}?" if meant else None
        return DataError(f"unknown field {field!r}", where=where, hint=hint)
    if not field:
        return DataError(f"not a card: {problem['msg']}", where=where)
    return DataError(f"`{field}`: {problem['msg']}", where=where)


def read_manifest(path: Path, task: TaskSpec) -> Split:
    """Reads one manifest.

    Raises:
        MissingError: if the file is absent.
        DataError: naming file and line, for a line that is not a JSON object, a field that is
            missing, unknown, of another type or not to be written as UTF-8, an answer that is
            not the task's, or an id that comes again with another content.
    """
    return without_repeats(_utterances(path, task))


def _utterances(path: Path, task: TaskSpec) -> Iterator[Utterance]:
    for where, line in numbered_lines(path):
        try:
            utterance = _utterance(_object(line), path.parent, task, where)
        except DataError as error:
            raise DataError(error.message, where=where, hint=error.hint) from None
        yield utterance


def _object(line: str) -> dict[str, object]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON: {error}") from None
    if not isinstance(row, dict):
        raise DataError("not a JSON object", hint='a line is {"id": ..., "audio": ..., ...}')
    return row


def _utterance(row: dict[str, object], folder: Path, task: TaskSpec, where: str) -> Utterance:
    for name in row:
        if name not in FIELDS:
            meant = closest(name, FIELDS)
            raise DataError(
                f"unknown field {name!r}",
                hint=f"did you mean {meant!r}?" if meant else f"known: {', '.join(FIELDS)}",
            )
    audio = Path(_string(row, "audio"))
    if audio.is_absolute():
        raise DataError(
            "`audio` is an absolute path", hint="write it relative to the manifest's folder"
        )
    start_s, end_s = _seconds(row, "start_s"), _seconds(row, "end_s")
    if end_s is not None and end_s <= (start_s or 0.0):
        raise DataError(f"`end_s` {end_s} does not come after `start_s` {start_s or 0.0}")
    return Utterance(
        id=_string(row, "id"),
        symbols=task.symbols_of(row),
        audio=folder / audio,
        start_s=start_s,
        end_s=end_s,
        speaker=_string(row, "speaker") if row.get("speaker") is not None else None,
        language=_string(row, "language") if row.get("language") is not None else None,
        where=where,
    )


def _string(row: dict[str, object], name: str) -> str:
    if name not in row:
        raise DataError(f"no `{name}`")
    value = row[name]
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"`{name}` must be a non-empty string, not {value!r}")
    return writable(value, f"`{name}`:")


def _seconds(row: dict[str, object], name: str) -> float | None:
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"`{name}` must be a number of seconds, not {value!r}")
    if not math.isfinite(value) or value < 0:
        raise DataError(f"`{name}` must be a number of seconds from 0 up, not {value!r}")
    return float(value)
