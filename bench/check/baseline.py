"""The baseline: measurements that were once accepted, with the reason why.

It is a JSON file that is committed. Every run has a line of its own, so that a change of one cell
is a change of its lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.check.measurement import Measurement
from bench.errors import DataError, MissingError, RunFailedError
from bench.files import make_folder, write_atomic

VERSION = 1


class Entry(BaseModel):
    """Why the baseline was written, once.

    Attributes:
        reason: as given to `--update --reason`.
        commit: of the source it was measured with; None outside a git checkout.
        moved: what was different from the baseline before, in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    day: date
    reason: str
    commit: str | None
    moved: list[str]


class Baseline(BaseModel):
    """What a check is held against.

    Attributes:
        suite: its name.
        history: the latest entry comes last.
        cells: name -> runs, with seeds 0, 1, ...
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    suite: str
    history: list[Entry]
    cells: dict[str, list[Measurement]]


def load_baseline(file: Path) -> Baseline | None:
    """Reads a baseline; None if there is none.

    Raises:
        DataError: if it is damaged, or of another version.
        MissingError: if it cannot be read.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MissingError(f"cannot be read: {error.strerror}", where=str(file)) from error
    except ValueError as error:
        raise _damaged(file, f"it is not JSON: {error}") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version != VERSION:
        raise DataError(
            f"is a baseline of version {version}, this program reads version {VERSION}",
            where=str(file),
            hint="take the version of bench that wrote it, or write it anew: "
            '`bench check --update --reason "..."`',
        )
    try:
        found = Baseline.model_validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise _damaged(file, f"{place}: {first['msg']}") from error
    if not found.cells or not all(found.cells.values()):
        raise _damaged(file, "it holds no measurement")
    return found


def write_baseline(file: Path, baseline: Baseline) -> None:
    """Writes a baseline, atomically.

    Raises:
        StorageError: if it cannot be written.
    """
    make_folder(file.parent)
    write_atomic(file, text_of(baseline))


def text_of(baseline: Baseline) -> str:
    """The content of the file: JSON, one run a line."""
    history = ",\n".join(f"  {entry.model_dump_json()}" for entry in baseline.history)
    cells = ",\n".join(
        f"  {json.dumps(name)}: [\n" + ",\n".join(f"   {one.to_line()}" for one in runs) + "\n  ]"
        for name, runs in baseline.cells.items()
    )
    return (
        f'{{\n "schema_version": {VERSION},\n "suite": {json.dumps(baseline.suite)},\n'
        f' "history": [\n{history}\n ],\n "cells": {{\n{cells}\n }}\n}}\n'
    )


def checked(cells: Mapping[str, Sequence[Measurement]]) -> None:
    """Refuses measurements that cannot be a baseline.

    Raises:
        RunFailedError: if frozen weights changed in a run, or the seeds of a cell were tested on
            different utterances.
    """
    for name, runs in cells.items():
        for one in runs:
            if one.frozen_before != one.frozen_after:
                raise RunFailedError(
                    f"the frozen weights changed during the run with seed {one.seed}",
                    where=name,
                    hint="this is a fault of the method; no baseline can be made of it",
                )
        if len({(one.utterances, tuple(one.ratios)) for one in runs}) > 1:
            raise RunFailedError("its seeds were tested on different utterances", where=name)


def _damaged(file: Path, why: str) -> DataError:
    return DataError(
        f"is no baseline: {why}",
        where=str(file),
        hint="take it from version control again, or write it anew with "
        '`bench check --update --reason "..."`',
    )
