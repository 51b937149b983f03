"""Units without their labels: what a unit LM learns from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError, UsageError
from bench.gslm.card import BOS
from bench.gslm.neighbours import nearest
from tasks.corpora.lines import numbered_lines
from tasks.corpora.units import FORMAT_HINT, parse_units

HELD_OUT_UTTERANCES = 2000
"""Utterances of the held-out loss, evenly spaced over all validation utterances."""


class UnitLine(NamedTuple):
    """The units of one line, (n,) int32, and its place as `file:line`."""

    units: NDArray[np.int32]
    where: str


def read_unit_lines(path: Path) -> Iterator[UnitLine]:
    """Units of each line of a units file, whatever task its labels belong to.

    Args:
        path: a file of `file|u1 u2 ...|labels`; the labels may be absent.

    Yields:
        The units of each line, in order.

    Raises:
        MissingError: if the file is absent.
        DataError: naming the line, if it has no units or a unit is not an integer from 0 up.
    """
    for where, line in numbered_lines(path):
        fields = line.split("|", 2)
        if len(fields) < 2:
            raise DataError("the units field is missing", where=where, hint=FORMAT_HINT)
        yield UnitLine(parse_units(fields[1], where), where)


@dataclass(frozen=True, kw_only=True)
class UnlabelledUnits:
    """Where the sequences of a unit LM come from, and how utterances make them.

    Attributes:
        alone: units folders, or single units files, whose utterances stand for themselves.
        pairs: units folders in whose files every two lines in a row make one sequence.
        neighbours: if above 0, each distinct utterance of `alone` makes one with each of so many
            others that are likest it (`bench.gslm.neighbours`).
        rows: (n_units,) int64, the LM's embedding row of each unit.
        length: most rows of a sequence; it is cut there.
        limit: what says how many units there are, for messages.
    """

    alone: Sequence[Path]
    pairs: Sequence[Path]
    neighbours: int
    rows: NDArray[np.int64]
    length: int
    limit: str

    def training(self) -> list[NDArray[np.int64]]:
        """Rows of every training sequence; a single units file is training data.

        Raises:
            MissingError: if a file is absent.
            DataError: naming the line, for units that are none or not below the limit; naming the
                file, if it has too few utterances to be alike, or a line without its pair.
        """
        return self._sequences("train")

    def held_out(self) -> list[NDArray[np.int64]]:
        """Rows of the sequences whose loss is watched.

        Raises:
            UsageError: if there are none.
            MissingError, DataError: see `training`.
        """
        sequences = self._sequences("valid")
        if not sequences:
            raise UsageError(
                "no held-out units: give a units folder with a valid.txt, "
                "so that the loss on unseen units can be watched"
            )
        return sequences[:: -(-len(sequences) // HELD_OUT_UTTERANCES)]

    def _sequences(self, split: str) -> list[NDArray[np.int64]]:
        found: list[NDArray[np.int64]] = []
        for source in self.alone:
            path = source / f"{split}.txt" if source.is_dir() else source
            if split == "valid" and not source.is_dir():
                continue
            found += self._with_neighbours(path) if self.neighbours else self._rows(path)
        for source in self.pairs:
            found += self._in_pairs(source / f"{split}.txt")
        return [rows[: self.length] for rows in found]

    def _units(self, path: Path) -> Iterator[NDArray[np.int32]]:
        """Units of every line of a units file."""
        for units, where in read_unit_lines(path):
            if units.max() >= len(self.rows):
                raise DataError(
                    f"unit {units.max()} is not below {self.limit} {len(self.rows)}", where=where
                )
            yield units

    def _rows(self, path: Path) -> Iterator[NDArray[np.int64]]:
        """Rows of every line of a units file."""
        return (self.rows[units] for units in self._units(path))

    def _with_neighbours(self, path: Path) -> Iterator[NDArray[np.int64]]:
        """Rows of `u <s> v` for every distinct line u and each of its nearest others v."""
        distinct = list({units.tobytes(): units for units in self._units(path)}.values())
        if len(distinct) <= self.neighbours:
            raise DataError(
                f"{len(distinct)} different utterances are too few for "
                f"--neighbours {self.neighbours}",
                where=str(path),
            )
        try:
            found = nearest(distinct, self.neighbours)
        except ValueError as error:
            raise DataError(
                "no run of units is in several utterances, so none are alike", where=str(path)
            ) from error
        for units, others in zip(distinct, found, strict=True):
            for other in others:
                yield _pair(self.rows[units], self.rows[distinct[other]])

    def _in_pairs(self, path: Path) -> Iterator[NDArray[np.int64]]:
        """Rows of `u <s> v` for every two lines in a row."""
        lines = list(self._rows(path))
        if len(lines) % 2:
            raise DataError(f"{len(lines)} lines do not make pairs", where=str(path))
        for first, second in zip(lines[::2], lines[1::2], strict=True):
            yield _pair(first, second)


def _pair(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of `u <s> v`."""
    return np.concatenate([first, [BOS], second])
