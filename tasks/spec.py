"""What a task is: the shape of its answer and how well an answer is scored.

An answer is a tuple of symbols. A labelled task has one symbol a slot; a sequence task spells its
text, one symbol a character, `|` between words, each slot tag one symbol of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.errors import DataError, UsageError
from tasks.readable import label, writable
from tasks.slot_text import tagged_symbols
from tasks.spelling import is_tag, spell, unspell

Answer = Literal["label", "slots", "text", "slot_text"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSpec:
    """One task.

    Args:
        name: as typed on the command line.
        title: as printed in tables.
        version: changes whenever the same predictions would be scored differently.
        answer: `label`: one word; `slots`: one word a slot; `text`: a text; `slot_text`: a text
            with marked slots.
        slots: names of the label slots, in order; empty for sequence tasks.
        metrics: names in `tasks.metrics.registry`.
        primary: the metric that decides; one of `metrics`.
        throughout: whether every stretch of an utterance has the utterance's answer, as it has one
            language; methods may then learn from stretches.

    Raises:
        UsageError: if the parts contradict each other.
    """

    name: str
    title: str
    version: str
    answer: Answer
    slots: tuple[str, ...]
    metrics: tuple[str, ...]
    primary: str
    throughout: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", self.name):
            raise self._wrong("its name must be lower case letters, digits, '-' and '_'")
        if not self.title or not self.version:
            raise self._wrong("its title and version must not be empty")
        if self.is_sequence and self.slots:
            raise self._wrong("a sequence task has no label slots")
        if self.answer == "label" and len(self.slots) != 1:
            raise self._wrong("an answer of one label has exactly one slot")
        if self.answer == "slots" and len(self.slots) < 2:
            raise self._wrong("an answer of several labels names at least two slots")
        if len(set(self.slots)) != len(self.slots) or not all(self.slots):
            raise self._wrong("its slot names must be distinct and not empty")
        if self.throughout and self.answer != "label":
            raise self._wrong("only an answer of one label can hold throughout an utterance")
        if len(set(self.metrics)) != len(self.metrics):
            raise self._wrong("a metric is named twice")
        if self.primary not in self.metrics:
            raise self._wrong(f"its primary metric {self.primary!r} is not among its metrics")

    @property
    def is_sequence(self) -> bool:
        """Whether the answer's length is open (a text) and not one symbol a slot."""
        return self.answer in ("text", "slot_text")

    def symbols_of(self, row: Mapping[str, object]) -> tuple[str, ...]:
        """The answer in a manifest row.

        Args:
            row: one object of a manifest: `label`, `labels`, `text`, or `text` and `slots`.

        Returns:
            The symbols: one a slot, or the spelled text.

        Raises:
            DataError: if the row lacks the answer or holds it in another form; the caller knows
                the line and adds it.
        """
        if self.answer == "label":
            return (_label(_field(row, "label", self.name), "label"),)
        if self.answer == "slots":
            return self._labels(_field(row, "labels", self.name))
        text = _field(row, "text", self.name)
        if not isinstance(text, str):
            raise DataError("`text` must be a string")
        writable(text, "`text`")
        if self.answer == "text":
            return spell(text)
        return tagged_symbols(text, _field(row, "slots", self.name))

    def check_symbols(self, symbols: Sequence[str]) -> None:
        """Checks that `symbols` can be an answer of this task.

        Raises:
            DataError: if there are none, not one a slot, or, in a text, one that is neither a
                character nor a tag of this task.
        """
        if not symbols:
            raise DataError("the labels are empty", hint="every utterance needs its answer")
        if self.is_sequence:
            tags = self.answer == "slot_text"
            for symbol in symbols:
                if not _is_character(symbol) and not (tags and is_tag(symbol)):
                    with_tags = ", with tags: t o | B-city r o m e E-city" if tags else ""
                    raise DataError(
                        f"{symbol!r} is not one character",
                        hint=f"a text is spelled: t u r n | o n{with_tags}",
                    )
        if not self.is_sequence and len(symbols) != len(self.slots):
            raise DataError(
                f"{len(symbols)} labels where {self.name} has {len(self.slots)} "
                f"({', '.join(self.slots)})",
                hint="is this the corpus of another task?",
            )

    def text_of(self, symbols: Sequence[str]) -> str:
        """What people read: label words joined by a space, or the text the symbols spell."""
        return unspell(symbols) if self.is_sequence else " ".join(symbols)

    def _labels(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise DataError("`labels` must be a list of strings")
        labels = tuple(_label(entry, "labels") for entry in value)
        self.check_symbols(labels)
        return labels

    def _wrong(self, why: str) -> UsageError:
        return UsageError(why, where=f"task {self.name!r}")


def _is_character(symbol: str) -> bool:
    """One letter or other sign; accents that follow it belong to it."""
    return len(symbol) == 1 or (
        len(symbol) > 1 and all(unicodedata.category(c).startswith("M") for c in symbol[1:])
    )


def _field(row: Mapping[str, object], name: str, task: str) -> object:
    if name not in row:
        raise DataError(
            f"no `{name}`, which {task} needs", hint="is this the corpus of another task?"
        )
    return row[name]


def _label(value: object, field: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"`{field}` must hold non-empty strings, not {value!r}")
    return label(value, f"`{field}`:")
