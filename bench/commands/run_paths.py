"""The argument RUN_OR_DIR of the commands that read records."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path


def add_run_paths(parser: argparse.ArgumentParser) -> None:
    """Adds the positional argument `runs`."""
    parser.add_argument(
        "runs",
        nargs="*",
        type=Path,
        metavar="RUN_OR_DIR",
        help="run folders, or folders of them (default: runs)",
    )


def run_paths(arguments: argparse.Namespace) -> list[Path]:
    """The folders that were named, or the default one."""
    return arguments.runs or [Path("runs")]


def say_left_out(left_out: Iterable[tuple[str, str]]) -> None:
    """Names on stderr what is not shown, a line a reason."""
    reasons: dict[str, list[str]] = {}
    for folder, why in left_out:
        reasons.setdefault(why, []).append(folder)
    for why, folders in reasons.items():
        more = f" and {len(folders) - 1} more" if len(folders) > 1 else ""
        print(f"bench: not shown: {folders[0]}{more}: {why}", file=sys.stderr)
