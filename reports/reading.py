"""From paths to records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.errors import MissingError
from bench.records import Record, load_record


@dataclass(frozen=True, kw_only=True)
class Run:
    """A record and the folder it was read from."""

    folder: Path
    record: Record


def read_runs(paths: Iterable[Path]) -> list[Run]:
    """Reads the records in run folders and in folders of run folders.

    Returns:
        Runs sorted by folder, each folder once.

    Raises:
        MissingError: if a path is not there, or none of them holds a record.
        DataError: if a record is malformed.
    """
    folders: set[Path] = set()
    asked = list(paths)
    for path in asked:
        if not path.is_dir():
            raise MissingError(
                "there is no such folder", where=str(path), hint="`bench run` makes run folders"
            )
        if (path / "record.json").exists():
            folders.add(path)
        else:
            folders.update(file.parent for file in path.glob("*/record.json"))
    if not folders:
        raise MissingError(
            "there is no record",
            where=", ".join(map(str, asked)),
            hint="a run writes its record when it ends",
        )
    return [Run(folder=folder, record=load_record(folder)) for folder in sorted(folders)]
