from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench.check.formats.kinds import render
from bench.check.outcome import Finding, Outcome
from bench.check.quality import Change
from bench.check.speed import Pace
from bench.errors import UnknownNameError

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = (
    "<script>alert(1)</script>",
    "a|b",
    "::error title=x::y\n::stop-commands::z",
    "%0A::error::y",
    "]]>&amp;\x00\x1b[31m",
    "[x](http://e.example) ![y](z) @everyone `c` **b**",
    "\u2028\ud800\\",
    "n" * 10_000,
)


def change(cell: str, metric: str, now: float, before: float, *, p: float, exact: bool) -> Change:
    return Change(
        cell=cell,
        metric=metric,
        unit="nats" if metric == "train_loss" else "fraction",
        higher_is_better=metric != "train_loss",
        now=now,
        before=before,
        ci95=(now - before - 0.02, now - before + 0.02),
        p_worse=p,
        p_better=1 - p,
        exact=exact,
    )


def outcome() -> Outcome:
    """An alarm of each kind, a remark, and a cell that is as it was."""
    return Outcome(
        suite="ci",
        cells={"ks-prompt": 3, "asr-s3prl": 3},
        changes=[
            change("ks-prompt", "accuracy", 0.61, 0.72, p=0.00002, exact=False),
            change("ks-prompt", "train_loss", 1.234567, 1.2, p=0.4, exact=False),
            change("asr-s3prl", "wer", 0.9, 0.9, p=1.0, exact=True),
        ],
        paces=[
            Pace(
                cell="ks-prompt",
                work="training",
                ratio=1.31,
                ci95=(1.22, 1.4),
                p=0.0004,
                n=6,
                again=True,
            )
        ],
        findings=[
            Finding(
                cell="ks-prompt",
                kind="facts",
                alarm=True,
                text="test has 70 utterances, the baseline 72 (-2)",
            ),
            Finding(
                cell="ks-prompt",
                kind="quality",
                alarm=True,
                text="worse: accuracy 72.00 % -> 61.00 %",
            ),
            Finding(
                cell="ks-prompt",
                kind="speed",
                alarm=True,
                text="slower: training takes 1.31 times the baseline's time",
            ),
            Finding(cell="asr-s3prl", kind="facts", alarm=False, text="the units are not quite"),
            Finding(cell="gone", kind="suite", alarm=True, text="is in the baseline only"),
        ],
        same_machine=True,
        seconds=83.2,
        folder="checks/ci",
        reason="the first",
    )


def hostile(text: str) -> Outcome:
    return Outcome(
        suite=text,
        cells={text: 1},
        changes=[change(text, text, 0.1, 0.2, p=0.5, exact=False)],
        findings=[
            Finding(cell=text, kind="run", alarm=True, text=text),
            Finding(cell=text, kind="facts", alarm=False, text=text),
        ],
        same_machine=False,
        seconds=1.0,
        folder=text,
        reason=text,
    )


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("terminal", "check.txt"),
        ("markdown", "check.md"),
        ("junit", "check.xml"),
        ("github", "check.github"),
    ],
)
def test_each_format_is_as_it_was(kind: str, file: str) -> None:
    assert render(outcome(), kind) == (GOLDEN / file).read_text(encoding="utf-8")


def test_junit_counts_what_failed() -> None:
    suite = ET.fromstring(render(outcome(), "junit").encode()).find("testsuite")
    assert suite is not None
    assert suite.get("failures") == str(len(suite.findall("testcase/failure"))) == "4"
    assert suite.get("tests") == str(len(suite.findall("testcase")))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_others_wrote_is_inert(text: str) -> None:
    made = hostile(text)
    suite = ET.fromstring(render(made, "junit").encode()).find("testsuite")
    assert suite is not None
    assert len(suite.findall("testcase/failure")) == 1
    lines = render(made, "github").splitlines()
    assert [line[:9] for line in lines if line.startswith("::")] == ["::error t", "::notice "]
    assert len(lines) == 3
    assert not any("\x1b" in render(made, kind) for kind in ("terminal", "markdown", "github"))
    shown = render(made, "markdown")
    assert "<script" not in shown
    assert not re.search(r"(?<!\\)`|(?<!\\)\]\(|http:|(?<!\w)@\w", shown)
    table = [line for line in shown.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {8}
    assert all(len(render(made, kind)) < 40_000 for kind in ("terminal", "markdown", "github"))


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'junit'"):
        render(outcome(), "junti")
