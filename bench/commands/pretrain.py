"""`bench pretrain`: a unit LM from units folders, from audio or by a recipe, to a GSLM folder."""

from __future__ import annotations

import argparse

from bench.options import PRETRAIN_OPTIONS, add_options

SUMMARY = "train a unit language model on units folders, to a GSLM folder"
DESCRIPTION = """\
Trains a unit language model on the unlabelled training units of one or more units folders and
writes it as a GSLM folder, ready to be frozen under prompts. A killed pretraining goes on with
--resume and ends as if it had never stopped; where there is nothing to go on with, --resume begins
anew.
"""
EXAMPLES = """\
examples:
  bench pretrain --units data/ks --units data/ic --out gslms/small
  bench pretrain --units data/ks --out gslms/quick --max-minutes 5 --threads 2
  bench pretrain --units data/ks --neighbours 4 --out gslms/alike   what is alike said in a row
  bench pretrain --init mini --units data/calls --out gslms/calls --epochs 2 --lr 5e-4
  bench pretrain --corpus mini --task ks --task ic --out gslms/mfcc      from audio
  bench pretrain --recipe mini --out gslms/mini                          the embedded one, anew
"""

_NOT_OPTIONS = {"command", "json", "quiet", "debug"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `bench pretrain`."""
    add_options(parser, PRETRAIN_OPTIONS)
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument("--json", action="store_true", help="print the new folder's card as JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Pretrains; prints what was written on stdout.

    Raises:
        BenchError: see `bench.gslm.pretraining.pretrain`.
    """
    from bench.config import validated
    from bench.interruption import interruptible
    from bench.progress import Progress

    given = {key: value for key, value in vars(arguments).items() if key not in _NOT_OPTIONS}
    progress = Progress(quiet=arguments.quiet)
    with interruptible():
        if "recipe" in given:
            from bench.recipes.mini import RecipeOptions, cook

            recipe = validated(RecipeOptions, given, company="--recipe")
            out, card = recipe.out, cook(recipe, progress)
        else:
            from bench.gslm.pretraining import PretrainOptions, pretrain

            options = validated(PretrainOptions, given)
            out, card = options.out, pretrain(options, progress)
    print(card.model_dump_json(indent=2) if arguments.json else out)
    return 0
