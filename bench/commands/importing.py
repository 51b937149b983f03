"""`bench import`: a fairseq unit LM, once and for all, to a GSLM folder."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "turn a fairseq GSLM checkpoint into a GSLM folder"
DESCRIPTION = """\
Reads a fairseq unit LM (a checkpoint .pt, a folder of `checkpoint_best.pt` and `dict.txt`, or the
published .tgz of both) with a restricted unpickler and strict keys, and writes a GSLM folder of
safetensors and JSON.

The LM alone is imported, not the encoder it heard with or its k-means. So it reads units that were
made elsewhere, as a units folder (lines of `file|u1 u2 ...|labels`; runs of one unit made one, unit
ids as in dict.txt):
  bench run --method prompt --task ks --corpus data/units --gslm gslms/hubert100
"""
EXAMPLES = """\
examples:
  bench import hubert100_lm.tgz --out gslms/hubert100
  bench import checkpoint_best.pt --dict dict.txt --out gslms/mine
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `bench import`."""
    parser.add_argument("src", type=Path, metavar="SRC", help="checkpoint, folder or .tgz")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="GSLM folder to write"
    )
    parser.add_argument(
        "--dict", type=Path, metavar="FILE", help="dictionary (default: dict.txt beside SRC)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the GSLM that is there")
    parser.add_argument("--json", action="store_true", help="print the new folder's card as JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Imports; prints what was written on stdout.

    Raises:
        BenchError: see `bench.gslm.importing.import_fairseq`.
    """
    from bench.gslm.importing import import_fairseq

    card = import_fairseq(
        arguments.src,
        arguments.out,
        dict_path=arguments.dict,
        overwrite=arguments.overwrite,
    )
    if arguments.json:
        print(card.model_dump_json(indent=2))
    else:
        shape = card.lm
        print(
            f"{arguments.out}: {card.n_units} units, {shape.layers} layers of {shape.dim}, "
            f"{shape.heads} heads"
        )
    return 0
