"""A table as rows of text, the same for every format; what is bold or quoted is said, not drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from reports.cells import Cell
from reports.comparison import LEVEL, Column, Comparison, Table
from reports.metric_names import metric_name
from reports.published import QuotedRow
from reports.superb import superb_score

What = Literal["score", "trained", "stored", "time"]
WHATS: tuple[What, ...] = get_args(What)
COST_HEADS: dict[What, str] = {"trained": "trained", "stored": "stored", "time": "training"}
_LONGEST = 120


@dataclass(frozen=True)
class Text:
    """What stands in one place of a table.

    Attributes:
        best: significantly better than the rest of its column.
        quoted: published, not measured here.
    """

    text: str
    best: bool = False
    quoted: bool = False


@dataclass(frozen=True, kw_only=True)
class Grid:
    """One table.

    Attributes:
        reasons: why it does not stand in the table before.
        head: of each column; the first is that of the names.
        groups: how many places belong to each column of the comparison, the first left out.
    """

    reasons: tuple[str, ...]
    head: tuple[str, ...]
    groups: tuple[int, ...]
    body: tuple[tuple[Text, ...], ...]
    notes: tuple[str, ...]


def grids(comparison: Comparison, whats: Sequence[What] = WHATS) -> list[Grid]:
    """The tables of a comparison, quoted rows below those of the first."""
    return [
        _grid(table, comparison.quoted if number == 0 else (), whats)
        for number, table in enumerate(comparison.tables)
    ]


def _grid(table: Table, quoted: Sequence[QuotedRow], whats: Sequence[What]) -> Grid:
    shown = shown_quotes(table, quoted)
    scored = any(value is not None for value in table.superb)
    head = ["method"]
    for column in table.columns:
        head += [_head(column, what) for what in whats]
    if scored:
        head.append("SUPERB score ↑")
    body = []
    for i, (name, cells) in enumerate(zip(table.rows, table.cells, strict=True)):
        row = [Text(shortened(name))]
        for cell in cells:
            row += [_shown(cell, what) for what in whats]
        if scored:
            value = table.superb[i]
            row.append(Text("" if value is None else f"{value:.0f}"))
        body.append(tuple(row))
    sources = list(dict.fromkeys(row.source for row in shown))
    for quote in shown:
        row = [Text(f"{quote.name} [quoted {sources.index(quote.source) + 1}]", quoted=True)]
        for column in table.columns:
            row += [Text(_quoted(quote, column, what), quoted=True) for what in whats]
        if scored:
            row.append(Text(_quoted_superb(quote, table.columns), quoted=True))
        body.append(tuple(row))
    return Grid(
        reasons=table.reasons,
        head=tuple(head),
        groups=(*(len(whats) for _ in table.columns), *([1] if scored else [])),
        body=tuple(body),
        notes=tuple(_notes(table, sources, whats, scored)),
    )


def shown_quotes(table: Table, quoted: Sequence[QuotedRow]) -> list[QuotedRow]:
    """The published rows that have something to say beside a table."""
    return [
        row
        for row in quoted
        if any(
            _quotable(column) and row.score(column.task, column.metric) for column in table.columns
        )
    ]


def shortened(text: str, longest: int = _LONGEST) -> str:
    """One line without control characters, cut in the middle if it is too long for a table."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) <= longest:
        return line
    return f"{line[: longest // 2]} … {line[-longest // 3 :]}"


def bold_said(note: str) -> str:
    """A note of formats that show the best in bold."""
    return f"bold: {note.removeprefix('best: ')}" if note.startswith("best: ") else note


class ScoreParts(NamedTuple):
    """A score as text.

    Attributes:
        value: with its spread over seeds, if there are several.
        interval: 95 %, in brackets.
        runs: how many there are of what; "" for a single one.
    """

    value: str
    interval: str
    runs: str


def score_parts(cell: Cell) -> ScoreParts:
    """The value, its spread and interval, per cent for fractions."""
    scale = 100.0 if cell.unit == "fraction" else 1.0
    low, high = cell.ci95
    interval = f"[{number(scale * low)}, {number(scale * high)}]"
    value = number(scale * cell.value)
    n_runs, n_seeds = len(cell.folders), len(cell.seeds)
    if cell.spread is None:
        return ScoreParts(value, interval, f"1 seed, {n_runs} runs" if n_runs > 1 else "")
    again = f", {n_runs} runs" if n_runs > n_seeds else ""
    counted = f"{n_runs} runs" if cell.mixed else f"{n_seeds} seeds{again}"
    return ScoreParts(f"{value} ± {number(scale * cell.spread)}", interval, counted)


def score_text(cell: Cell) -> str:
    """All parts in one line."""
    value, interval, runs = score_parts(cell)
    return f"{value} {interval} ({runs})" if runs else f"{value} {interval}"


def measured(column: Column) -> str:
    """What a column's scores are: metric, unit, and which way is better."""
    arrow = "↑" if column.higher_is_better else "↓"
    return f"{metric_name(shortened(column.metric, 40))}, {unit_of(column)} {arrow}"


def number(value: float) -> str:
    """Two decimals; powers of ten where there would be too many digits."""
    return f"{value:.2f}" if abs(value) < 1e7 else f"{value:.3g}"


def unit_of(column: Column | Cell) -> str:
    """As people write it."""
    return "%" if column.unit == "fraction" else shortened(column.unit, 20)


def size_text(n_bytes: int | None) -> str:
    """Bytes, kB or MB."""
    if n_bytes is None:
        return "?"
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= size:
            return f"{n_bytes / size:.3g} {unit}"
    return f"{n_bytes} B"


def time_text(seconds: float) -> str:
    """Seconds, minutes or hours."""
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return (
                f"{seconds / size:.1f} {unit}" if seconds < 1e9 else f"{seconds / size:.3g} {unit}"
            )
    return f"{seconds:.1f} s"


def _head(column: Column, what: What) -> str:
    if what != "score":
        return COST_HEADS[what]
    return f"{shortened(column.task, 20)} {measured(column)}"


def _shown(cell: Cell | None, what: What) -> Text:
    if cell is None:
        return Text("")
    if what == "score":
        return Text(score_text(cell), best=cell.best)
    if what == "trained":
        return Text("?" if cell.n_trainable is None else f"{cell.n_trainable:,}")
    return Text(size_text(cell.stored_bytes) if what == "stored" else time_text(cell.train_s))


def _quotable(column: Column) -> bool:
    return column.shots is None and column.subset is None


def _quoted(row: QuotedRow, column: Column, what: What) -> str:
    score = row.score(column.task, column.metric) if _quotable(column) else None
    if score is None:
        return ""
    text = {
        "score": f"{100 * score.value:.2f}",
        "trained": "" if score.n_trainable is None else f"{score.n_trainable / 1e6:g}M",
    }.get(what, "")
    return f"({text})" if text and not column.as_published else text


def _quoted_superb(row: QuotedRow, columns: Sequence[Column]) -> str:
    value = superb_score(
        {
            column.task: {score.metric: score.value for score in row.scores.get(column.task, ())}
            for column in columns
        }
    )
    return "" if value is None else f"{value:.0f}"


def _notes(table: Table, sources: Sequence[str], whats: Sequence[What], superb: bool) -> list[str]:
    lines = []
    for column in table.columns:
        parts = ""
        if column.shots is not None:
            parts += f", {column.shots} training utterances a class"
            if column.classes_below_shots == 1:
                parts += " (1 class has fewer)"
            elif column.classes_below_shots:
                parts += f" ({column.classes_below_shots} classes have fewer)"
        if column.subset is not None:
            parts += f", a subset of {column.subset}"
        counts = ", ".join(f"{shortened(name, 20)} {n:,}" for name, n in column.n.items())
        corpus = f"corpus {shortened(column.corpus, 60)}{parts}"
        lines.append(f"{shortened(column.task, 20)}: {corpus} ({counts} utterances)")
    cells = [cell for row in table.cells for cell in row if cell is not None]
    meaning = [
        "in brackets: 95 % interval over the test set, and over seeds where there are several"
    ]
    if any(cell.spread is not None for cell in cells):
        meaning.append("±: standard deviation over them")
    if "trained" in whats:
        meaning.append("trained: parameters that received a gradient")
    if "stored" in whats:
        meaning.append("stored: size of what was trained")
    if "time" in whats:
        meaning.append("training: time it took")
    lines.append("; ".join(meaning))
    lines.extend(_tests(table, cells))
    lines.extend(
        f"a mean over runs with other {', '.join(names)}"
        for names in dict.fromkeys(cell.mixed for cell in cells if cell.mixed)
    )
    lines.extend(f"settings differ: {shortened(line, 400)}" for line in table.settings)
    if superb:
        lines.append(
            "SUPERB score: 0 for filter banks, 1000 for the best of SUPERB's leaderboard, averaged "
            f"over {', '.join(column.task for column in table.columns)}"
        )
    lines.extend(
        f"[quoted {i}] not run here; scores and parameters as published: {source}"
        for i, source in enumerate(sources, start=1)
    )
    other = [
        column.task for column in table.columns if _quotable(column) and not column.as_published
    ]
    if sources and other:
        lines.append(
            f"in parentheses: published for another test set than this one ({', '.join(other)})"
        )
    return lines


def _tests(table: Table, cells: Sequence[Cell]) -> list[str]:
    lines = []
    if any(cell.best for cell in cells):
        scope = (
            " (where a row is one seed, this speaks of that trained model only)"
            if any(len(cell.seeds) == 1 for cell in cells)
            else ""
        )
        lines.append(
            "best: significantly better than every other row of its column "
            f"(paired bootstrap on the same utterances, Holm-corrected, p < {LEVEL}){scope}"
        )
    for place, column in enumerate(table.columns):
        shown = [cell for row in table.cells if (cell := row[place]) is not None]
        task = shortened(column.task, 20)
        if len(shown) < 2:
            continue
        if column.untested is not None:
            lines.append(f"{task}: no test for the best: {shortened(column.untested, 300)}")
        elif not any(cell.best for cell in shown):
            lines.append(f"{task}: no row is significantly better than every other one")
    return lines
