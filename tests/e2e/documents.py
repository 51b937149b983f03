"""Tables and pictures of the documents that `bench` makes, and the commands that make them.

A document says before a table or picture which command it is from:

    <!-- bench compare docs/records --format markdown -->
    | method | ...
    <!-- end -->

    <!-- bench plot few-shot docs/records --out docs/few-shot.svg -->
    ![...](few-shot.svg)

`python -m tests.e2e.documents` runs all of these commands and writes what they say.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from pathlib import Path

from bench.cli import main
from tests.conftest import ROOT

DOCUMENTS = ("README.md", "docs/mini.md", "docs/results.md")
_TABLE = re.compile(r"<!-- (bench compare [^\n]*?) -->\n(.*?)<!-- end -->", re.DOTALL)
_PICTURE = re.compile(r"<!-- (bench plot [^\n]*? --out (\S+)) -->\n!\[")


def tables(text: str) -> list[tuple[str, str]]:
    """The commands of a document and what they said when it was written."""
    return [(found[1], found[2]) for found in _TABLE.finditer(text)]


def pictures(text: str) -> list[tuple[str, str]]:
    """The commands of a document that draw, and the pictures' paths from the root."""
    return [(found[1], found[2]) for found in _PICTURE.finditer(text)]


def said(command: str) -> str:
    """What a command prints; the current folder is the root.

    A `*` names several paths, as in a shell.
    """
    arguments: list[str] = []
    for word in shlex.split(command)[1:]:
        arguments += sorted(map(str, Path().glob(word))) if "*" in word else [word]
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        code = main(arguments)
    assert code == 0, f"{command}: exit code {code}"
    return output.getvalue()


def rewritten(text: str) -> str:
    """The document with what its commands say now."""

    def made(found: re.Match[str]) -> str:
        return f"<!-- {found[1]} -->\n{said(found[1])}<!-- end -->"

    return _TABLE.sub(made, text)


def write() -> None:
    """Brings all documents up to date."""
    for name in DOCUMENTS:
        file = ROOT / name
        text = file.read_text("utf-8")
        for command, _ in pictures(text):
            said(command)
        file.write_text(rewritten(text), "utf-8")


if __name__ == "__main__":
    import os

    os.chdir(ROOT)
    write()
    sys.exit(0)
