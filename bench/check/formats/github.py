"""GitHub Actions: annotations of the job on stdout; the table goes to the job's summary.

Source: GitHub, Workflow commands for GitHub Actions.
"""

from __future__ import annotations

from bench.check.formats.rows import finding_text, headline
from bench.check.outcome import Outcome


def github(outcome: Outcome) -> str:
    """Workflow commands, one a line, and the verdict."""
    lines = [_command("error", finding_text(one)) for one in outcome.alarms]
    lines += [_command("notice", finding_text(one)) for one in outcome.remarks]
    return "".join(f"{line}\n" for line in [*lines, _data(headline(outcome))])


def _command(kind: str, text: str) -> str:
    return f"::{kind} title=bench check::{_data(text)}"


def _data(text: str) -> str:
    """Text without meaning to the runner; one of it that starts a line with `::` has none either.

    `finding_text` has taken line breaks out; they and `%` are escaped in any case.
    """
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f" {text}" if text.startswith(("::", "##[")) else text
