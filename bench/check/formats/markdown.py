"""Markdown (GitHub's), for a comment or a job's summary."""

from __future__ import annotations

from bench.check.formats.rows import HEAD, finding_text, footnotes, headline, rows
from bench.check.outcome import Outcome
from reports.formats.markdown import escaped


def markdown(outcome: Outcome) -> str:
    """The verdict first, then what is to be said, then the table."""
    mark = "✅" if outcome.passed else "❌"
    blocks = [f"### {mark} bench check {escaped(headline(outcome))}\n"]
    if outcome.alarms:
        lines = [f"- **{escaped(finding_text(one))}**\n" for one in outcome.alarms]
        blocks.append("".join(lines))
    if outcome.remarks:
        blocks.append("".join(f"- {escaped(finding_text(one))}\n" for one in outcome.remarks))
    shown = rows(outcome)
    if shown:
        table = [HEAD, ("---", "---", *["---:"] * 4, "---"), *(_cells(row) for row in shown)]
        blocks.append("".join(f"| {' | '.join(row)} |\n" for row in table))
    blocks.append("".join(f"- {escaped(note)}\n" for note in footnotes(outcome)))
    return "\n".join(blocks)


def _cells(row: tuple[str, ...]) -> tuple[str, ...]:
    cells = [escaped(cell) for cell in row]
    if row[-1].isupper():
        cells[-1] = f"**{cells[-1]}**"
    return tuple(cells)
