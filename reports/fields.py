"""Fields of a run by the names that `--by` and `--filter` take."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from bench.errors import UnknownNameError, UsageError
from bench.records import Record
from reports.bodies import shots_of, subset_of
from reports.reading import Run

_OF_RECORD: dict[str, Callable[[Record], object]] = {
    "commit": lambda record: record.versions.commit,
    "corpus": lambda record: record.corpus.name,
    "device": lambda record: record.cost.device,
    "fingerprint": lambda record: record.corpus.fingerprint,
    "method": lambda record: record.method.name,
    "model": lambda record: record.model.name if record.model is not None else None,
    "n_trainable": lambda record: record.n_trainable,
    "seed": lambda record: record.seed,
    "shots": shots_of,
    "status": lambda record: record.status,
    "stored_bytes": lambda record: record.stored_bytes,
    "subset": subset_of,
    "task": lambda record: record.task.name,
    "train_s": lambda record: record.cost.train_s,
}
NAMES = tuple(_OF_RECORD)
"""Those of every record; to these come its options and its metrics."""

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Condition(NamedTuple):
    """One `--filter`: a field, an operator and what it is compared with."""

    field: str
    operator: str
    value: str


def field(record: Record, name: str) -> object:
    """A field's value; None where the record does not have it."""
    if name in _OF_RECORD:
        return _OF_RECORD[name](record)
    if name in record.scores:
        return record.scores[name].value
    return record.method.options.get(name)


def known(runs: Iterable[Run]) -> set[str]:
    """The names of all fields of these runs."""
    names = set(NAMES)
    for run in runs:
        names.update(run.record.method.options, run.record.scores)
    return names


def checked(name: str, runs: Sequence[Run]) -> str:
    """A field's name as records spell it.

    Raises:
        UnknownNameError: if no record has it.
    """
    spelled = name.strip().replace("-", "_")
    names = known(runs)
    if name in names:
        return name
    if spelled not in names:
        raise UnknownNameError("field", name, {one.replace("_", "-") for one in names})
    return spelled


def condition(text: str) -> Condition:
    """Reads a condition such as `method=prompt`, `prompt-length>=5` or `model~hubert`.

    Raises:
        UsageError: if it is none.
    """
    found = re.fullmatch(r"\s*([\w.-]+)\s*(<=|>=|!=|=|<|>|~)\s*(.*?)\s*", text, re.DOTALL)
    if found is None:
        raise UsageError(
            f"--filter {text!r} is no condition",
            hint="FIELD=VALUE, or with != < <= > >= or ~ (contains): `prompt-length>=5`",
        )
    return Condition(*found.groups())


def kept(runs: Sequence[Run], conditions: Sequence[Condition]) -> list[Run]:
    """The runs that meet every condition.

    Raises:
        UnknownNameError: if no record has a field.
        UsageError: if a value to be compared by size is no number.
    """
    named = [one._replace(field=checked(one.field, runs)) for one in conditions]
    return [run for run in runs if all(_meets(run.record, one) for one in named)]


def _meets(record: Record, asked: Condition) -> bool:
    value = field(record, asked.field)
    if asked.operator == "~":
        return value is not None and asked.value.casefold() in str(value).casefold()
    if asked.operator in ("=", "!="):
        return _equal(value, asked.value) == (asked.operator == "=")
    try:
        bound = float(asked.value)
    except ValueError:
        raise UsageError(
            f"--filter {asked.field}{asked.operator}{asked.value}: {asked.value!r} is no number"
        ) from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return _COMPARE[asked.operator](value, bound)


def _equal(value: object, text: str) -> bool:
    if value is None:
        return text.casefold() in ("none", "null", "")
    if isinstance(value, bool):
        return str(value).casefold() == text.casefold()
    if isinstance(value, int | float):
        try:
            return float(text) == value
        except ValueError:
            return False
    return str(value) == text
