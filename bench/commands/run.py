"""`bench run`: one method on one task, to a record."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import UsageError
from bench.options import METHOD_OPTIONS, RUN_OPTIONS, Option, add_options

if TYPE_CHECKING:
    from bench.runner import Outcome

SUMMARY = "train and test one method on one task"
DESCRIPTION = """\
Trains a method on a corpus, answers the test set once, and writes a record with scores, intervals,
trained parameters and cost into a run folder.

Asking for a finished run prints its record and runs nothing. An unfinished run (killed, failed,
interrupted) goes on from its last checkpoint and ends as if it had never stopped.
"""
EXAMPLES = """\
examples:
  bench run --method bag-of-units --task ks --corpus data/ks
  bench run --method prompt --task ic --corpus data/ic --gslm gslms/small --prompt-length 20
  bench run --method prompt --task ks --corpus data/ks --gslm gslms/small --shots 10 --seed 3
  bench run --config ks.yaml --seed 1 --json        (ks.yaml: `method: prompt`, `lr: 0.05`, ...)
"""

_NOT_OPTIONS = {"command", "config", "option", "json", "quiet", "debug"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `bench run`, the methods' own in groups."""
    add_options(parser, RUN_OPTIONS)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="YAML with the names of these options"
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument("--json", action="store_true", help="print the record as JSON")
    groups: dict[tuple[str, ...], list[Option]] = {}
    for option in METHOD_OPTIONS:
        groups.setdefault(option.methods, []).append(option)
    for methods, options in groups.items():
        add_options(parser.add_argument_group(f"options of {' and '.join(methods)}"), options)
    parser.add_argument_group("options of other methods").add_argument(
        "--option",
        action="append",
        metavar="NAME=VALUE",
        default=[],
        help="an option of a method that another distribution provides",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Runs, prints the result on stdout.

    Raises:
        BenchError: see `bench.runner.run`.
    """
    from bench.config import make_request
    from bench.progress import Progress
    from bench.runner import run

    given = {key: value for key, value in vars(arguments).items() if key not in _NOT_OPTIONS}
    own = dict(_name_and_value(text) for text in arguments.option)
    request = make_request(given, config=arguments.config, own_options=own)
    outcome = run(request, Progress(quiet=arguments.quiet))
    if arguments.json:
        sys.stdout.write(outcome.record.to_json())
        return 0
    print(_summary(outcome))
    return 0


def _name_and_value(text: str) -> tuple[str, Any]:
    import yaml

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--option {text!r} is not NAME=VALUE")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UsageError(f"--option {text!r}: the value cannot be read") from error


def _summary(outcome: Outcome) -> str:
    record = outcome.record
    lines = [str(outcome.folder) + ("" if outcome.fresh else "  (finished before)")]
    for name, score in record.scores.items():
        scale, unit = (100, " %") if score.unit == "fraction" else (1, f" {score.unit}")
        lo, hi = (scale * bound for bound in score.ci95)
        star = "*" if name == record.primary else " "
        lines.append(
            f"{star} {name:<18} {scale * score.value:7.2f}{unit}   [{lo:.2f}, {hi:.2f}]   "
            f"n = {score.n:,}"
        )
    trained = "?" if record.n_trainable is None else f"{record.n_trainable:,}"
    cost = record.cost
    lines.append(
        f"  trained parameters {trained}; training {cost.train_s:.1f} s, "
        f"evaluation {cost.eval_s:.1f} s ({cost.utt_per_s:,.0f} utterances/s), "
        f"peak memory {cost.peak_rss_bytes / 2**30:.2f} GiB"
    )
    return "\n".join(lines)
