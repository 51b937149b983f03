"""From what a user types after `--gslm` to a GSLM folder."""

from __future__ import annotations

from pathlib import Path

from bench.errors import MissingError, UnknownNameError

EMBEDDED = "mini"


def gslm_folder(name_or_path: str) -> Path:
    """The folder of a GSLM.

    Args:
        name_or_path: a registered name, or a GSLM folder.

    Raises:
        UnknownNameError: if it is neither.
        MissingError: if it is a path to no folder, or a GSLM that is not part of this version.
    """
    if name_or_path == EMBEDDED:
        raise MissingError(
            "the embedded GSLM `mini` is not part of this version",
            hint="make one with `bench pretrain --corpus mini --task ks --out DIR` and give DIR",
        )
    folder = Path(name_or_path)
    if folder.is_dir():
        return folder
    if "/" in name_or_path:
        raise MissingError("there is no such folder", where=name_or_path)
    raise UnknownNameError("gslm", name_or_path, [EMBEDDED])
