"""What `--format latex` writes, put through a real pdflatex."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from reports.comparison import compare
from reports.formats.kinds import render
from reports.grid import WHATS
from reports.published import REFERENCES
from reports.reading import read_runs
from tests.unit.reports.conftest import WriteRun
from tests.unit.reports.test_formats import HOSTILE

pytestmark = pytest.mark.slow

DOCUMENT = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\begin{document}
%s
\end{document}
"""


@pytest.fixture
def pdflatex(tmp_path: Path) -> Path:
    """The folder to compile in."""
    if shutil.which("pdflatex") is None:
        pytest.skip("there is no pdflatex (apt-get install texlive-latex-recommended)")
    return tmp_path


def compiled(folder: Path, table: str) -> str:
    """The log of a run that ended well."""
    (folder / "paper.tex").write_text(DOCUMENT.replace("%s", table), "utf-8")
    done = subprocess.run(
        ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape", "paper.tex"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
    )
    said = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, said[-3000:]
    assert (folder / "paper.pdf").read_bytes().startswith(b"%PDF")
    return said


def test_tables_with_quoted_rows_compile(write_run: WriteRun, pdflatex: Path) -> None:
    for seed in range(3):
        write_run(f"a{seed}", seed=seed, right=[1] * (300 + seed) + [0] * 100)
    write_run("b", method="bag-of-units", right=[1] * 390 + [0] * 13)
    write_run("c", task="asr", metric="wer", value=0.3)
    comparison = compare(read_runs([pdflatex / "runs"]), quoted=REFERENCES["paper"])
    made = render(comparison, "latex", WHATS)
    assert isinstance(made, str)
    assert "Missing character" not in compiled(pdflatex, made)


def test_hostile_names_compile_and_print(write_run: WriteRun, pdflatex: Path) -> None:
    every = "".join(chr(code) for code in range(32, 0x180))
    for i, name in enumerate([*HOSTILE, every[:110], every[110:220], every[220:]]):
        write_run(f"m{i}", method=name, options={"o": name}, model={"name": name}, value=i / 20)
        write_run(f"t{i}", task=name, corpus={"name": name, "fingerprint": "x"})
    comparison = compare(read_runs([pdflatex / "runs"]))
    made = render(comparison, "latex", ["score"])
    assert isinstance(made, str)
    said = compiled(pdflatex, made)
    assert "Missing character" not in said
    assert "passwd" not in [line.strip("()") for line in said.splitlines()], "nothing was read in"
