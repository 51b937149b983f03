from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from bench.errors import MissingError
from reports.comparison import Choice, Comparison, compare
from reports.formats.kinds import FORMATS, render
from reports.formats.latex import escaped as latex_escaped
from reports.formats.markdown import escaped as markdown_escaped
from reports.grid import WHATS, shortened, size_text, time_text
from reports.published import REFERENCES
from reports.reading import LeftOut, read_runs
from tests.unit.reports.conftest import WriteRun

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def comparison(write_run: WriteRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Comparison:
    """Two tasks, a row clearly best, seeds, a mark of quoted rows, other data, a failed run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    right = [1] * 400 + [0] * 100
    write_run("a", method="bag-of-units", right=right, n_trainable=287580)
    for seed in range(3):
        right = [1] * (300 + seed) + [0] * (200 - seed)
        write_run(f"b{seed}", seed=seed, right=right, n_trainable=77160)
    write_run("c", method="majority", right=[1] * 50 + [0] * 450, n_trainable=0)
    write_run("d", task="asr", metric="wer", value=0.6)
    write_run("e", corpus={"name": "other|<b>", "fingerprint": "x"}, value=0.5)
    failed = write_run("f")
    content = json.loads((failed / "record.json").read_text())
    content |= {"status": "failed", "error": "disk full"}
    (failed / "record.json").write_text(json.dumps(content))
    return compare(read_runs([Path("runs")]), quoted=REFERENCES["paper"])


@pytest.mark.parametrize(
    ("kind", "file"),
    [("terminal", "table.txt"), ("markdown", "table.md"), ("latex", "table.tex")],
)
def test_each_format_is_as_it_was(comparison: Comparison, kind: str, file: str) -> None:
    assert render(comparison, kind, WHATS) == (GOLDEN / file).read_text(encoding="utf-8")


@pytest.mark.parametrize(("kind", "file"), [("csv", "table.csv"), ("json", "table.json")])
def test_formats_for_programs_are_as_they_were_up_to_the_last_digits(
    comparison: Comparison, kind: str, file: str
) -> None:
    made, golden = render(comparison, kind, WHATS), (GOLDEN / file).read_text(encoding="utf-8")
    assert isinstance(made, str)
    number = r"(?<![\w.])-?\d+\.\d+(?:e-?\d+)?"
    assert re.sub(number, "N", made) == re.sub(number, "N", golden)
    numbers = [[float(text) for text in re.findall(number, part)] for part in (made, golden)]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-6)
    assert len(numbers[0]) > 30


def test_parquet_holds_the_lines_of_csv(comparison: Comparison) -> None:
    made = render(comparison, "parquet", WHATS)
    assert isinstance(made, bytes)
    lines = parquet.read_table(io.BytesIO(made)).to_pylist()
    text = render(comparison, "csv", WHATS)
    assert isinstance(text, str)
    for line, row in zip(lines, csv.DictReader(io.StringIO(text)), strict=True):
        assert {name: "" if value is None else str(value) for name, value in line.items()} == row


def test_parquet_without_its_library_is_an_error_with_the_way_out(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingError, match=r"pip install 'speechprompt-bench\[parquet\]'"):
        render(comparison, "parquet", WHATS)


def test_nothing_finished_is_said() -> None:
    nothing = Comparison(tables=(), left_out=(LeftOut("runs/a", "failed: disk full"),))
    assert render(nothing, "terminal", WHATS) == "Not shown:\nruns/a: failed: disk full\n"
    nothing = Comparison(tables=(), left_out=())
    assert render(nothing, "terminal", WHATS) == "There is no finished run.\n"


def test_wide_tables_come_in_pieces_that_fit(
    write_run: WriteRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for task in ("asr", "ic", "ks", "lid", "sf"):
        write_run(task, task=task, method="m" * 60)
    monkeypatch.setenv("COLUMNS", "100")
    text = render(compare(read_runs([tmp_path / "runs"])), "terminal", WHATS)
    assert isinstance(text, str)
    tables = text.partition("asr: corpus")[0]
    assert all(len(line) <= 100 for line in tables.splitlines())
    assert all(f"{task} accuracy" in tables for task in ("asr", "ic", "ks", "lid", "sf"))


def test_columns_are_what_was_asked_for(comparison: Comparison) -> None:
    text = render(comparison, "markdown", ["score"])
    assert isinstance(text, str)
    assert text.startswith("| method | asr WER, % ↓ | ks accuracy, % ↑ |\n")


def test_the_superb_score_stands_beside_its_own_test_sets_only(
    write_run: WriteRun, tmp_path: Path
) -> None:
    sizes = {"train": 3, "valid": 2, "test": 3081}
    write_run("1", value=0.9666, corpus={"n": sizes})
    choice = Choice(superb=True)
    quoted = REFERENCES["superb"]
    (table,) = compare(read_runs([tmp_path / "runs"]), choice, quoted).tables
    (score,) = table.superb
    assert score == pytest.approx(1000)
    assert table.columns[0].as_published
    write_run("2", task="ic", value=0.9)
    comparison = compare(read_runs([tmp_path / "runs"]), choice, quoted)
    assert comparison.tables[0].superb == (None,)
    assert "| (98.34) |" in str(render(comparison, "markdown", ["score"])).replace("*", "")


def test_quoted_rows_stand_only_beside_whole_sets_of_their_tasks(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("1", shots=5)
    write_run("2", task="lid")
    runs = compare(read_runs([tmp_path / "runs"]), quoted=REFERENCES["paper"])
    assert "quoted" not in str(render(runs, "terminal", WHATS))


def test_sizes_and_times() -> None:
    assert [size_text(n) for n in (None, 0, 999, 36_320, 3_180_000, 43 * 10**8)] == [
        *("?", "0 B", "999 B", "36.3 kB", "3.18 MB", "4.3 GB")
    ]
    assert [time_text(s) for s in (0.04, 59.96, 90, 7200)] == [
        "0.0 s",
        "60.0 s",
        "1.5 min",
        "2.0 h",
    ]


HOSTILE = [
    "<script>alert(1)</script>",
    "a & b | c \\ d",
    "line\nbreak\r\tand\x1b[31mred\x1b]0;title\x07",
    "\\input{/etc/passwd} \\end{table} $x^2_3$ %~#{}\"'`",
    "**bold** _em_ `code` [x](javascript:1) ![i](u) ~~s~~ @you https://x.y www.x.y",
    '=cmd|" /C calc"!A1',
    "日本語 ὅλος \u202e\u200bé ﬁ \U0001f600",
    "x" * 10_000,
    "--flag ?`!`<<>>",
]


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_hostile_names_are_inert(
    write_run: WriteRun, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    for i, name in enumerate(HOSTILE):
        write_run(f"{i}", method=name, options={"o": name}, model={"name": name}, value=i / 10)
        write_run(f"t{i}", task=name, corpus={"name": name, "fingerprint": "x"})
    (tmp_path / "runs" / "0" / "record.json").write_text('{"<b>":\n')
    made = render(compare(read_runs([tmp_path / "runs"])), kind, WHATS)
    if kind == "parquet":
        return
    assert isinstance(made, str)
    allowed = "\n" if kind != "csv" else "\n\r\t\x1b\x07\u202e\u200b"
    assert [c for c in set(made) if not c.isprintable() and c not in allowed] == []
    if kind == "json":
        assert len(json.loads(made)["tables"]) >= 1
        assert made.isascii()
    elif kind == "csv":
        rows = list(csv.DictReader(io.StringIO(made)))
        assert {row["task"] for row in rows} >= {"'" + HOSTILE[5], HOSTILE[0]}
        assert not any(value.startswith(tuple("=+@-")) for row in rows for value in row.values())
    elif kind == "markdown":
        assert "<script" not in made
        for line in made.splitlines():
            if line.startswith("| ") and "---" not in line:
                assert line.count("|") - line.count("\\|") == made.splitlines()[1].count("|")
                break
    elif kind == "latex":
        assert "\\input{/" not in made
        assert made.isprintable() or "\n" in made
    else:
        assert max(map(len, made.splitlines())) < 3000


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a_b", r"a\_b"),
        ("100 % & #1 $x$ ~ ^", r"100 \% \& \#1 \$x\$ \textasciitilde{} \textasciicircum{}"),
        ("\\cmd{x}", r"\textbackslash{}cmd\{x\}"),
        ("é ± 日", r"é $\pm$ {[}U+65E5{]}"),
    ],
)
def test_latex_escapes(text: str, written: str) -> None:
    assert latex_escaped(text) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b", r"a\|b"),
        ("slot_type_f1 _x_", r"slot_type_f1 \_x\_"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("[a](b)", r"[a\](b)"),
        ("https://a www.b", "https&#58;//a www&#46;b"),
        ("94.2 [93.4, 95.0] (3 seeds)", "94.2 [93.4, 95.0] (3 seeds)"),
    ],
)
def test_markdown_escapes(text: str, written: str) -> None:
    assert markdown_escaped(text) == written


def test_long_names_are_cut_in_the_middle() -> None:
    cut = shortened("a" * 500 + "b")
    assert len(cut) < 120
    assert cut.endswith("b")
