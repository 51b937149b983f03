"""From what a user types after `--gslm` to a GSLM folder."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bench.errors import MissingError, UnknownNameError
from bench.registry import Registry


class GslmEntry(NamedTuple):
    """A registered GSLM: its folder, and a line about it for `bench list gslms`."""

    folder: Path
    summary: str


EMBEDDED = "mini"
RANDOM = "random:"
"""Before a GSLM: its units and its LM's shape, with weights as they are before any training."""

GSLMS: Registry[GslmEntry] = Registry(
    "gslm",
    {
        EMBEDDED: GslmEntry(
            Path(__file__).with_name("embedded") / EMBEDDED,
            "embedded: encoder, 100 units and a unit LM of 4.8M parameters (generated speech)",
        )
    },
    entry_point_group="speechprompt_bench.gslms",
)
"""GSLMs by name; a package of others adds a `GslmEntry` by an entry point."""


def gslm_folder(name_or_path: str) -> Path:
    """The folder of a GSLM.

    Args:
        name_or_path: a registered name, or a GSLM folder. A name is looked up first: write
            `./mini` for a folder of that name.

    Raises:
        UnknownNameError: if it is neither.
        MissingError: if it is a path to no folder.
    """
    folder = Path(name_or_path)
    if "/" in name_or_path:
        if not folder.is_dir():
            raise MissingError("there is no such folder", where=name_or_path)
        return folder
    try:
        return GSLMS.get(name_or_path).folder
    except UnknownNameError:
        if folder.is_dir():
            return folder
        raise


class ChosenGslm(NamedTuple):
    """What `--gslm` of a run names.

    Attributes:
        folder: of the GSLM.
        is_random: whether its LM's weights are to be drawn anew.
    """

    folder: Path
    is_random: bool


def chosen_gslm(text: str) -> ChosenGslm:
    """The GSLM of a run, or the control of it.

    Args:
        text: as for `gslm_folder`, with or without `random:` before it.

    Raises:
        UnknownNameError, MissingError: see `gslm_folder`.
    """
    name = text.removeprefix(RANDOM)
    return ChosenGslm(gslm_folder(name), name != text)
