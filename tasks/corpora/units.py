"""Units folders: `train.txt`, `valid.txt`, `test.txt` of `file|u1 u2 ...|labels`.

Source: SpeechPrompt (Chang et al. 2022), the format of its data sets. `labels` are symbols parted
by spaces; only the first two `|` of a line divide it, so `|` can be a label (the space of a text).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from tasks.corpora.corpus import SPLITS, Corpus
from tasks.corpora.lines import numbered_lines
from tasks.corpora.split import Split, without_repeats
from tasks.corpora.utterance import Utterance
from tasks.spec import TaskSpec

FORMAT_HINT = "a line is `file|u1 u2 ...|labels`"
MAX_UNIT = int(np.iinfo(np.int32).max)


def open_units_folder(folder: Path, task: TaskSpec) -> Corpus:
    """The corpus in a units folder; nothing is read yet."""
    readers = {name: partial(read_units, folder / f"{name}.txt", task) for name in SPLITS}
    return Corpus(name=folder.resolve().name, task=task, readers=readers)


def read_units(path: Path, task: TaskSpec) -> Split:
    """Reads one units file.

    Raises:
        MissingError: if the file is absent.
        DataError: naming file and line, for an empty line, a missing field, a unit that is not
            a non-negative integer, labels that are absent or not one a slot, bytes that are not
            UTF-8, or an id that comes again with another content.
    """
    return without_repeats(_utterances(path, task))


def check_units(utterances: Sequence[Utterance], n_units: int) -> None:
    """Checks that a model with `n_units` units knows every unit.

    Raises:
        DataError: naming the first utterance and unit it does not know, or an utterance that
            has no units.
    """
    for utterance in utterances:
        if utterance.units is None:
            raise DataError(
                f"utterance {utterance.id!r} has no units",
                where=utterance.where,
                hint="turn the audio into units first",
            )
        outside = (utterance.units < 0) | (utterance.units >= n_units)
        if outside.any():
            unit = int(utterance.units[int(outside.argmax())])
            raise DataError(
                f"utterance {utterance.id!r}: unit {unit} is not one of the model's "
                f"0 to {n_units - 1}",
                where=utterance.where,
                hint="use the model that goes with the encoder these units come from",
            )


def units_line(utterance: Utterance) -> str:
    """The line of a units file that reads back as `utterance`, without its line end.

    Raises:
        DataError: if the utterance has no units or no answer, or its id or a symbol cannot
            stand in such a line.
    """
    if utterance.units is None or not utterance.units.size or not utterance.symbols:
        raise DataError(
            f"utterance {utterance.id!r} lacks units or an answer", where=utterance.where
        )
    if (
        not utterance.id.strip()
        or any(mark in utterance.id for mark in "|\r\n")
        or utterance.id.startswith("\ufeff")
    ):
        raise DataError(f"{utterance.id!r} cannot be an id: {FORMAT_HINT}", where=utterance.where)
    for symbol in utterance.symbols:
        if symbol.split() != [symbol]:
            raise DataError(
                f"label {symbol!r} of {utterance.id!r} is not one word",
                where=utterance.where,
                hint="labels are parted by spaces; write the words of a label with '_'",
            )
    units = " ".join(map(str, utterance.units.tolist()))
    return f"{utterance.id}|{units}|{' '.join(utterance.symbols)}"


def parse_units(text: str, where: str) -> NDArray[np.int32]:
    """The units of one line's second field.

    Args:
        text: non-negative integers parted by white space.
        where: `file:line`, for messages.

    Returns:
        (n_units,) int32, at least one.

    Raises:
        DataError: at `where`, naming the first unit that is no such integer.
    """
    tokens = text.split()
    if not tokens:
        raise DataError("there are no units", where=where, hint=FORMAT_HINT)
    digits = "".join(tokens)
    if not (digits.isascii() and digits.isdigit()):
        raise _bad_unit(tokens, where)
    try:
        return np.array([int(token) for token in tokens], dtype=np.int32)
    except (OverflowError, ValueError):
        raise _bad_unit(tokens, where) from None


def _utterances(path: Path, task: TaskSpec) -> Iterator[Utterance]:
    answers: dict[str, tuple[str, ...]] = {}
    for where, line in numbered_lines(path):
        fields = line.split("|", 2)
        if len(fields) < 3:
            raise DataError(
                f"{len(fields)} of the 3 fields are there", where=where, hint=FORMAT_HINT
            )
        name, unit_text, label_text = fields
        if not name.strip():
            raise DataError("the file field is empty", where=where, hint=FORMAT_HINT)
        symbols = answers.get(label_text)
        if symbols is None:
            symbols = tuple(label_text.split())
            try:
                task.check_symbols(symbols)
            except DataError as error:
                raise DataError(error.message, where=where, hint=error.hint) from None
            answers[label_text] = symbols
        yield Utterance(id=name, symbols=symbols, units=parse_units(unit_text, where), where=where)


def _bad_unit(tokens: Sequence[str], where: str) -> DataError:
    position, token = next(
        (i, token) for i, token in enumerate(tokens, start=1) if not _is_unit(token)
    )
    shown = token if len(token) <= 20 else f"{token[:20]}..."
    return DataError(
        f"unit {shown!r} (number {position} of the line) is not an integer from 0 to {MAX_UNIT}",
        where=where,
        hint=FORMAT_HINT,
    )


def _is_unit(token: str) -> bool:
    if not (token.isascii() and token.isdigit()):
        return False
    digits = token.lstrip("0")
    return len(digits) <= len(str(MAX_UNIT)) and int(digits or "0") <= MAX_UNIT
