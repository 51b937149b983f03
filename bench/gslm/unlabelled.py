"""Units without their labels: what a unit LM learns from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from tasks.corpora.lines import numbered_lines
from tasks.corpora.units import FORMAT_HINT, parse_units


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
