"""The command `bench`: picks the subcommand, turns errors into messages and exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from bench import __version__
from bench.commands import check, compare, corpus, importing, listing, plot, pretrain, run, units
from bench.errors import INTERRUPTED, BenchError, UnknownNameError, UsageError
from bench.memory import ran_out_of_memory

COMMANDS = {
    "run": run,
    "compare": compare,
    "check": check,
    "plot": plot,
    "list": listing,
    "corpus": corpus,
    "units": units,
    "pretrain": pretrain,
    "import": importing,
}

_DESCRIPTION = """\
Prompt tuning on frozen speech unit language models (GSLMs), held against other methods.

The way from units to a comparison:
  bench pretrain --units data/ks --units data/ic --out gslms/small    a unit LM
  bench run --method prompt --task ks --corpus data/ks --gslm gslms/small
  bench run --method bag-of-units --task ks --corpus data/ks          the control
  bench compare                                                       the table
  bench check                                                         has anything become worse?
"""

_EPILOG = """\
exit codes: 0 done, 1 the run failed or something became worse, 2 wrong usage, 3 something needed is
missing (data, weights, an extra), 130 interrupted. Results go to stdout, everything else to stderr.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"`{self.prog} --help` shows how it is used")


def build_parser() -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    """The parser of `bench`, and those of its subcommands by name."""
    parser = _Parser(
        prog="bench",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.add_argument("--version", action="version", version=f"bench {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    parsers = {}
    for name, module in COMMANDS.items():
        parsers[name] = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.DESCRIPTION,
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(parsers[name])
        parsers[name].add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS,
            help="show the traceback of an error",
        )
    return parser, parsers


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code.

    Args:
        arguments: without the program's name; None for those of this process.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
        return code
    except BenchError as error:
        if debug:
            raise
        return _say(f"bench: error: {error}", error.exit_code)
    except KeyboardInterrupt:
        if debug:
            raise
        return _say("bench: interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader of stdout (`| head`) has gone; nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        if ran_out_of_memory(error):
            return _say("bench: error: out of memory", 1)
        return _say(
            f"bench: internal error: {type(error).__name__}: {error}\n"
            "  this is a fault of bench; --debug shows where it happened",
            1,
        )


def _dispatch(arguments: list[str]) -> int:
    parser, parsers = build_parser()
    if arguments and not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
        raise UnknownNameError("command", arguments[0], COMMANDS)
    options, unknown = parser.parse_known_args(arguments)
    if options.command is None:
        if unknown:
            raise UsageError(f"unknown option {unknown[0]}", hint="`bench --help` shows them")
        parser.print_help(sys.stderr)
        return UsageError.exit_code
    if unknown:
        first = unknown[0].partition("=")[0]
        if not first.startswith("-"):
            raise UsageError(
                f"unexpected argument {first!r}", hint=f"`bench {options.command} --help`"
            )
        known = [
            name for action in parsers[options.command]._actions for name in action.option_strings
        ]
        raise UnknownNameError("option", first, known)
    code: int = COMMANDS[options.command].execute(options)
    return code


def _say(text: str, code: int) -> int:
    print(text, file=sys.stderr, flush=True)
    return code
