"""From paths to records; what cannot be read is named and passed over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from bench.errors import DataError, MissingError
from bench.records import Record, Score, load_record


class LeftOut(NamedTuple):
    """A run that is not shown, and why."""

    folder: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """A record and the folder it was read from.

    Attributes:
        metric: the one to show; None for the record's primary one.
    """

    folder: Path
    record: Record
    metric: str | None = None

    @property
    def shown(self) -> str:
        """The name of the metric to show."""
        return self.metric or self.record.primary

    @property
    def score(self) -> Score:
        """Of the metric to show."""
        return self.record.scores[self.shown]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was found.

    Attributes:
        runs: sorted by folder, each folder once, by however many paths it was named.
        unreadable: folders whose record is corrupt, truncated, or of another version.
        unended: folders of runs without a record: killed, or still running.
    """

    runs: tuple[Run, ...]
    unreadable: tuple[LeftOut, ...] = ()
    unended: tuple[LeftOut, ...] = ()


def read_runs(paths: Iterable[Path]) -> Reading:
    """Reads the records in run folders and in folders of run folders.

    Raises:
        MissingError: if a path is not there, or none of them holds a record.
        DataError: if not one record can be read.
    """
    asked = list(paths)
    folders: dict[Path, Path] = {}
    unended: dict[Path, Path] = {}
    for path in asked:
        if not path.is_dir():
            raise MissingError(
                "there is no such folder", where=str(path), hint="`bench run` makes run folders"
            )
        inside = [path] if (path / "record.json").exists() else sorted(path.iterdir())
        for folder in inside:
            if (folder / "record.json").exists():
                folders.setdefault(folder.resolve(), folder)
            elif (folder / "config.yaml").exists():
                unended.setdefault(folder.resolve(), folder)
    if not folders:
        raise MissingError(
            "there is no record",
            where=", ".join(map(str, asked)),
            hint="a run writes its record when it ends",
        )
    runs: list[Run] = []
    faults: list[DataError] = []
    for folder in sorted(folders.values()):
        read = _read(folder)
        if isinstance(read, Run):
            runs.append(read)
        else:
            faults.append(read)
    if not runs:
        more = f" (and {len(faults) - 1} more that cannot be read)" if len(faults) > 1 else ""
        raise DataError(faults[0].message + more, where=faults[0].where, hint=faults[0].hint)
    return Reading(
        runs=tuple(runs),
        unreadable=tuple(LeftOut(str(fault.where), fault.message) for fault in faults),
        unended=tuple(
            LeftOut(str(folder), "has no record: it was killed, or is still running")
            for folder in sorted(unended.values())
        ),
    )


def _read(folder: Path) -> Run | DataError:
    try:
        return Run(folder=folder, record=load_record(folder))
    except DataError as error:
        return error


def finished(runs: Iterable[Run]) -> list[Run]:
    """The runs that have scores."""
    return [run for run in runs if run.record.status == "ok"]


def unfinished(runs: Iterable[Run]) -> list[LeftOut]:
    """The other ones, with what their records say."""
    return [
        LeftOut(str(run.folder), f"{run.record.status}: {run.record.error or 'no reason given'}")
        for run in runs
        if run.record.status != "ok"
    ]


def showing(runs: Sequence[Run], metric: str) -> tuple[list[Run], list[LeftOut]]:
    """Finished runs with another metric to show, and those that do not have it."""
    having = [replace(run, metric=metric) for run in runs if metric in run.record.scores]
    lacking = [
        LeftOut(str(run.folder), f"has no metric {metric!r}: {', '.join(run.record.scores)}")
        for run in runs
        if metric not in run.record.scores
    ]
    return having, lacking
