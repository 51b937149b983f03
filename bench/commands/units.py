"""`bench units`: a corpus of audio as a units folder."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "turn a corpus of audio into a units folder"
DESCRIPTION = """\
Encodes all audio of a corpus with the encoder and k-means that a GSLM folder carries, and writes
train.txt, valid.txt and test.txt with lines of `file|u1 u2 ...|labels`. `bench run` does the same
by itself; units are kept in the cache either way.
"""
EXAMPLES = """\
examples:
  bench units mini --task ks --out data/ks-units                       by the embedded GSLM
  bench units data/ks --task ks --gslm gslms/mfcc --out data/ks-units  by one of your own
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `bench units`."""
    parser.add_argument("corpus", metavar="CORPUS", help="a registered corpus or a manifest folder")
    parser.add_argument("--task", required=True, help="the task its answers are for")
    parser.add_argument(
        "--gslm",
        metavar="NAME|DIR",
        help="a GSLM that encodes audio, by name or folder (default: mini, the embedded one)",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder to write")
    parser.add_argument("--root", type=Path, metavar="DIR", help="where a registered corpus lies")
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def execute(arguments: argparse.Namespace) -> int:
    """Writes the folder; prints its path on stdout.

    Raises:
        UsageError: if the corpus holds units already, or the folder is not empty.
        BenchError: whatever is wrong with corpus or GSLM.
    """
    from bench.errors import UsageError
    from bench.gslm.registry import EMBEDDED, gslm_folder
    from bench.gslm.speech import extractor_of, write_units
    from bench.interruption import interruptible
    from bench.progress import Progress
    from bench.speech.damaged import without_damage
    from bench.speech.units import holds_audio_only, with_units
    from tasks.corpora.opening import open_corpus
    from tasks.registry import TASKS

    out: Path = arguments.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("is not empty", where=str(out), hint="give a folder that is not there")
    progress = Progress(quiet=arguments.quiet)
    with interruptible():
        extractor = extractor_of(gslm_folder(arguments.gslm or EMBEDDED))
        task = TASKS.get(arguments.task)
        corpus = open_corpus(arguments.corpus, task, root=arguments.root, progress=progress)
        if not holds_audio_only(corpus):
            raise UsageError("holds units already", where=arguments.corpus)
        heard = without_damage(corpus, progress)
        write_units(with_units(heard, extractor, progress), out)
    print(out)
    return 0
