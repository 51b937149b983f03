from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench import __version__
from bench.cli import COMMANDS, build_parser, main
from bench.commands import compare, listing
from tests.audio_folder import make_audio_folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lsit"], "unknown command 'lsit'\n  did you mean 'list'?"),
        (["run", "--sed", "1"], "unknown option '--sed'\n  did you mean '--seed'?"),
        (["run", "--seed", "x"], "argument --seed: invalid int value: 'x'"),
        (["run", "extra"], "unexpected argument 'extra'"),
        (["list", "task"], "invalid choice: 'task'"),
        (["list"], "the following arguments are required: kind"),
        (["--wat"], "unknown option --wat"),
        (["run", "--method", "majority"], "--task is not given"),
        (["run", "--method", "x", "--task", "ks"], "unknown method 'x'"),
        (["run", "--method", "majority", "--task", "kss"], "did you mean 'ks'?"),
        (["run", "--option", "x"], "--option 'x' is not NAME=VALUE"),
        (["run", "--option", "x=[1"], "the value cannot be read"),
    ],
)
def test_wrong_usage_is_2_and_says_what_to_do(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("bench: error: ")
    assert message in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("columns", ["score,trained", "score trained", "score, trained"])
def test_columns_are_words_or_a_list_with_commas(columns: str) -> None:
    parser, _ = build_parser()
    given = parser.parse_args(["compare", "runs", "--columns", *columns.split()])
    assert compare.columns(given) == ("score", "trained")
    assert compare.columns(parser.parse_args(["compare"])) == compare.COLUMNS


def test_a_folder_after_columns_is_told_from_a_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "--columns", "score", str(tmp_path)]) == 2
    assert "put folders before --columns" in capsys.readouterr().err
    assert main(["compare", "--columns", "scroe"]) == 2
    assert "--columns: unknown column 'scroe'\n  did you mean 'score'?" in capsys.readouterr().err


def test_something_missing_is_3(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", "--method", "majority", "--task", "ks", "--corpus", "./nowhere"]
    assert main(arguments) == 3
    assert "nowhere: there is no such folder" in capsys.readouterr().err


def test_pretraining_looks_for_its_units_before_it_makes_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gslm"
    assert main(["pretrain", "--units", "nope", "--out", str(out)]) == 3
    assert "nope: there is no such folder" in capsys.readouterr().err
    assert not out.exists()


def test_a_recipe_says_what_does_not_go_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pretrain", "--recipe", "mini", "--out", "x", "--epochs", "2"]) == 2
    assert "--epochs does not go with --recipe" in capsys.readouterr().err


def test_a_manifest_folder_says_its_task(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = {"train": 6, "valid": 3, "test": 3}
    folder = make_audio_folder(tmp_path / "mine", "ic", sizes=sizes)
    assert main(["corpus", str(folder)]) == 0
    assert capsys.readouterr().out.startswith("mine, ic\n")
    (folder / "corpus.json").unlink()
    assert main(["corpus", str(folder)]) == 2
    assert "--task is not given, and no corpus.json names it" in capsys.readouterr().err


def test_debug_shows_the_traceback() -> None:
    with pytest.raises(Exception, match="--task is not given"):
        main(["run", "--method", "majority", "--debug"])
    with pytest.raises(Exception, match="--task is not given"):
        main(["--debug", "run", "--method", "majority"])


def test_used_up_memory_is_no_fault_of_bench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(kind: str) -> dict[str, str]:
        raise MemoryError

    monkeypatch.setattr(listing, "_rows", fail)
    assert main(["list", "tasks"]) == 1
    assert capsys.readouterr().err == "bench: error: out of memory\n"


def test_a_fault_of_bench_is_said_to_be_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(kind: str) -> dict[str, str]:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(listing, "_rows", fail)
    assert main(["list", "tasks"]) == 1
    assert "internal error: ZeroDivisionError: oops" in capsys.readouterr().err


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(kind: str) -> dict[str, str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(listing, "_rows", stop)
    assert main(["list", "tasks"]) == 130
    assert capsys.readouterr().err == "bench: interrupted\n"


def test_no_command_shows_the_help_and_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "bench compare" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"bench {__version__}\n"


def test_every_command_teaches_with_examples() -> None:
    for name, parser in build_parser()[1].items():
        text = parser.format_help()
        assert "examples:" in text
        assert f"bench {name} " in text


def test_the_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "tasks", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["ks", "ic", "lid", "asr", "sf"]
    assert main(["list", "methods"]) == 0
    assert re.search(r"^bag-of-units +control", capsys.readouterr().out, re.MULTILINE)
    assert main(["list", "gslms"]) == 0
    assert "mini  embedded" in capsys.readouterr().out
    assert set(COMMANDS) == {
        "run",
        "compare",
        "check",
        "plot",
        "list",
        "corpus",
        "units",
        "pretrain",
        "import",
    }
