"""`bench list`: what names there are."""

from __future__ import annotations

import argparse
import json
import sys

SUMMARY = "what tasks, methods, corpora, gslms and upstreams there are"
DESCRIPTION = """\
Lists the names that the other commands take. Everything that takes a corpus or a GSLM by name also
takes a folder.
"""
EXAMPLES = """\
examples:
  bench list tasks
  bench list methods --json
"""

KINDS = ("tasks", "methods", "corpora", "gslms", "upstreams")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the kind of thing to list."""
    parser.add_argument("kind", choices=KINDS, help="what to list")
    parser.add_argument("--json", action="store_true", help="print a JSON object of names")


def execute(arguments: argparse.Namespace) -> int:
    """Prints the names with a line about each on stdout."""
    rows = _rows(arguments.kind)
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    width = max(map(len, rows), default=0)
    for name, summary in rows.items():
        print(f"{name:<{width}}  {summary}".rstrip())
    if not rows:
        print(
            f"no {arguments.kind} are registered; folders can be used all the same",
            file=sys.stderr,
        )
    return 0


def _rows(kind: str) -> dict[str, str]:
    if kind == "tasks":
        from tasks.registry import TASKS

        tasks = [TASKS.get(name) for name in TASKS.names()]
        return {task.name: f"{task.title} ({task.primary})" for task in tasks}
    if kind == "methods":
        from bench.methods import METHODS

        return {name: METHODS.get(name).summary for name in METHODS.names()}
    if kind == "corpora":
        from tasks.corpora.registry import CORPORA

        return {name: CORPORA.get(name).summary for name in CORPORA.names()}
    if kind == "upstreams":
        return _upstreams()
    from bench.gslm.registry import GSLMS

    return {name: GSLMS.get(name).summary for name in GSLMS.names()}


def _upstreams() -> dict[str, str]:
    """Every upstream by name; s3prl itself has to be asked, which takes some seconds.

    Raises:
        MissingError: if s3prl is not installed.
    """
    from bench.methods import METHODS

    METHODS.get("s3prl").load()
    from baselines.s3prl.naming import names

    return dict.fromkeys(names(), "")
