"""The lines of a text file, each with its place; refuses what no reader can accept."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from bench.errors import DataError, MissingError


def numbered_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Reads a UTF-8 text file.

    Lines end in LF or CR LF; a byte order mark is ignored.

    Yields:
        (`file:line`, the line without its end).

    Raises:
        MissingError: if the file is absent or cannot be read.
        DataError: if it is empty, has an empty line or is not UTF-8.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise MissingError("there is no such file", where=str(path)) from None
    except OSError as error:
        raise MissingError(f"cannot be read: {error.strerror}", where=str(path)) from error
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        bad_line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"byte 0x{content[error.start]:02x} is not UTF-8",
            where=f"{path}:{bad_line}",
            hint="save the file as UTF-8",
        ) from None
    lines = text.removesuffix("\n").split("\n")
    if lines == [""]:
        raise DataError("the file is empty", where=str(path), hint="a split needs utterances")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            raise DataError(
                "empty line", where=f"{path}:{number}", hint="remove it, or restore its utterance"
            )
        yield f"{path}:{number}", line.removesuffix("\r")
