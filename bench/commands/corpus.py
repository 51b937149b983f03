"""`bench corpus`: prepare a corpus and print its card."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

SUMMARY = "prepare a corpus, check it, print its card"
DESCRIPTION = """\
Opens a registered corpus or a corpus folder (generating it first if it is an embedded one), reads
all of it, and prints for each of its tasks: splits, utterances, hours, speakers, labels, licence,
fingerprints. --export writes it as a manifest folder with audio.
"""
EXAMPLES = """\
examples:
  bench corpus mini
  bench corpus mini --task ks --export data/mini-ks
  bench corpus data/mine                         a manifest folder; corpus.json names its task
  bench corpus data/units --task ks --json       a units folder
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `bench corpus`."""
    parser.add_argument("corpus", metavar="NAME", help="a registered corpus, or a corpus folder")
    parser.add_argument("--task", help="only this one; a units folder needs it (default: all)")
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="where a registered corpus lies on this machine"
    )
    parser.add_argument(
        "--export",
        type=Path,
        metavar="DIR",
        help="write manifests and audio there; without --task into a folder a task",
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument("--json", action="store_true", help="print a JSON list of cards")


def execute(arguments: argparse.Namespace) -> int:
    """Prints the cards on stdout.

    Raises:
        UsageError: if neither --task nor the folder's card names the task.
        BenchError: whatever is wrong with the corpus.
    """
    from bench.interruption import interruptible
    from bench.progress import Progress
    from tasks.corpora.describing import describe
    from tasks.corpora.exporting import export
    from tasks.corpora.opening import open_corpus
    from tasks.registry import TASKS

    progress = Progress(quiet=arguments.quiet)
    cards = []
    with interruptible():
        for name in _tasks(arguments):
            corpus = open_corpus(
                arguments.corpus, TASKS.get(name), root=arguments.root, progress=progress
            )
            cards.append(describe(corpus))
            if arguments.export is not None:
                place = arguments.export if arguments.task else arguments.export / name
                export(corpus, place, progress)
                progress.line(f"exported {name} to {place}")
    if arguments.json:
        print(json.dumps([card.model_dump(mode="json") for card in cards], ensure_ascii=False))
    else:
        print("\n\n".join(card.text() for card in cards))
    return 0


def _tasks(arguments: argparse.Namespace) -> tuple[str, ...]:
    from bench.errors import UnknownNameError, UsageError
    from tasks.corpora.manifest import CARD, read_card
    from tasks.corpora.registry import CORPORA

    if arguments.task:
        return (arguments.task,)
    try:
        return CORPORA.get(arguments.corpus).tasks
    except UnknownNameError:
        folder = Path(arguments.corpus)
        if not folder.exists():
            raise
        if (folder / CARD).is_file():
            return (read_card(folder / CARD).task,)
        raise UsageError(
            f"--task is not given, and no {CARD} names it", hint="a units folder needs --task"
        ) from None
