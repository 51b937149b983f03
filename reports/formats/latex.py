"""LaTeX with booktabs for a paper; compiles with pdflatex."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from reports.comparison import Comparison
from reports.grid import Grid, Text, What, bold_said, grids, shortened

_HEAD = """\
% Needs \\usepackage{booktabs}, \\usepackage[T1]{fontenc} and \\usepackage[utf8]{inputenc}.
"""

_WRITTEN = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"{'}",
    "`": r"{`}",
    "[": "{[}",
    "]": "{]}",
    "±": r"$\pm$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "…": r"\dots{}",
}

_LACKING = "\u00d7\u00f7\u0126\u0127\u0138\u013f\u0140\u0149\u0166\u0167\u017f"
"""Letters of Latin-1 and Latin Extended-A that T1 fonts do not have."""


def latex(comparison: Comparison, whats: Sequence[What]) -> str:
    """One `table` environment a table; the notes stand below it, smaller."""
    blocks = [_table(grid) for grid in grids(comparison, whats)]
    left_out = "".join(
        f"% Not shown: {_ascii(shortened(folder, 300))}: {_ascii(shortened(why, 400))}\n"
        for folder, why in comparison.left_out
    )
    return _HEAD + "\n".join([*blocks, left_out] if left_out else blocks)


def _table(grid: Grid) -> str:
    lines = ["\\begin{table}", "\\centering"]
    lines += [f"{escaped(reason)}\\par" for reason in grid.reasons]
    lines += [f"\\begin{{tabular}}{{l{'r' * (len(grid.head) - 1)}}}", "\\toprule"]
    lines += [" & ".join(escaped(head) for head in grid.head) + r" \\", "\\midrule"]
    measured = [row for row in grid.body if not row[0].quoted]
    quoted = [row for row in grid.body if row[0].quoted]
    lines += [_row(row) for row in measured]
    if quoted:
        lines += ["\\midrule", *(_row(row) for row in quoted)]
    lines += ["\\bottomrule", "\\end{tabular}", "\\par\\footnotesize"]
    lines += [f"{escaped(bold_said(note))}\\par" for note in grid.notes]
    return "\n".join([*lines, "\\end{table}", ""])


def _row(row: Sequence[Text]) -> str:
    return " & ".join(_cell(text) for text in row) + r" \\"


def _cell(text: Text) -> str:
    written = escaped(text.text)
    if not written:
        return ""
    if text.best:
        return f"\\textbf{{{written}}}"
    return f"\\emph{{{written}}}" if text.quoted else written


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is; letters that its fonts lack become their code points."""
    written = "".join(_WRITTEN.get(c) or _letter(c) for c in unicodedata.normalize("NFC", text))
    return re.sub("-(?=-)", "-{}", written)  # two hyphens would become a dash


def _letter(c: str) -> str:
    if c.isascii():
        return c if c.isprintable() else " "
    if "\u00c0" <= c <= "\u017f" and c not in _LACKING:
        return c
    return f"[U+{ord(c):04X}]".replace("[", "{[}").replace("]", "{]}")


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")
