"""What makes two runs the same row, and what the row is called.

A row is a method with its options on a frozen model. Presets give the same method other options on
another task, and another model may want other options than this one; so only options that differ
between runs on the same data and model split a row. What differs from task to task or from model to
model alone is told beside the table.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from bench.records import Record
from reports.fields import field
from reports.reading import Run


class Rows:
    """Names the rows of runs.

    Args:
        groups: the runs, in groups that compare with one another.
        merged: options that never split a row (the axis of a figure).
        others: groups that split no row here, but whose models have to be told apart too.
        by: fields that alone make a row; none for method, model and the options that differ.
    """

    def __init__(
        self,
        groups: Iterable[Sequence[Run]],
        merged: Collection[str] = (),
        others: Iterable[Sequence[Run]] = (),
        by: Sequence[str] = (),
    ) -> None:
        self._by = tuple(by)
        self._groups = [[run.record for run in group] for group in groups]
        self._merged = frozenset(merged)
        self._models: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        known = [run.record for group in others for run in group]
        for record in (*self._records(), *known):
            if record.model is not None:
                model = (record.method.name, record.model.name)
                self._models[model].add(record.model.fingerprint)
        self._splitting = self._split()

    def name(self, record: Record) -> str:
        """The row's name; equal for two records when they belong in the same row."""
        if self._by:
            return " ".join(
                _shown(field(record, name))
                if name in ("method", "model", "task", "corpus")
                else f"{name.replace('_', '-')}={_shown(field(record, name))}"
                for name in self._by
            )
        method = record.method
        return " ".join(
            [
                *filter(None, (method.name, self._model(record))),
                *(
                    f"{name.replace('_', '-')}={_shown(method.options.get(name))}"
                    for name in self._splitting.get(method.name, ())
                ),
            ]
        )

    def settings(
        self,
        groups: Iterable[Sequence[Run]],
        place: Callable[[Record], str] = lambda record: record.task.name,
    ) -> tuple[str, ...]:
        """What differs from one place or model to the next and splits no row, a line a method.

        Args:
            groups: the runs to look at.
            place: what a place is called; the task, unless told otherwise.
        """
        records = [run.record for group in groups for run in group]
        given: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
        for method_name in {record.method.name for record in records}:
            alike = [record for record in records if record.method.name == method_name]
            names = {name for record in alike for name in record.method.options}
            for name in names - self._merged - {*self._splitting.get(method_name, ())}:
                given[method_name, name] = [
                    (_shown(record.method.options.get(name)), place(record), self._model(record))
                    for record in alike
                ]
        told: defaultdict[str, list[str]] = defaultdict(list)
        for (method_name, option), found in sorted(given.items()):
            each = _where(found)
            if len(each) > 1:
                values = (f"{value} ({', '.join(sorted(at))})" for value, at in each.items())
                told[method_name].append(f"{option.replace('_', '-')} {', '.join(values)}")
        return tuple(f"{name}: {'; '.join(options)}" for name, options in told.items())

    def mixed(self, runs: Sequence[Run]) -> tuple[str, ...]:
        """The options (and model) that differ between runs of one cell, seeds apart."""
        given = [run.record.method for run in runs]
        options = _differing([method.options for method in given]) - self._merged
        differing = [name.replace("_", "-") for name in sorted(options)]
        models = {run.record.model.fingerprint for run in runs if run.record.model is not None}
        if len(models) > 1:
            differing.insert(0, "model")
        if len({method.name for method in given}) > 1:
            differing.insert(0, "method")
        return tuple(differing)

    def _split(self) -> dict[str, list[str]]:
        """By method, the options that differ between runs that compare and are on one model."""
        splitting: defaultdict[str, set[str]] = defaultdict(set)
        for group in self._groups:
            alike: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
            for record in group:
                alike[record.method.name, self._model(record)].append(record.method.options)
            for (method_name, _), given in alike.items():
                splitting[method_name] |= _differing(given) - self._merged
        return {name: sorted(options) for name, options in splitting.items()}

    def _model(self, record: Record) -> str:
        """What of a row's name says which model it is on; "" for none."""
        model = record.model
        if model is None or model.name == "none":
            return ""
        one_of_many = len(self._models[record.method.name, model.name]) > 1
        return f"on {model.name}" + (f" ({model.fingerprint[:8]})" if one_of_many else "")

    def _records(self) -> Iterable[Record]:
        return (record for group in self._groups for record in group)


def _differing(given: Sequence[Mapping[str, Any]]) -> set[str]:
    """The options that are not the same everywhere; one that is missing counts as null."""
    names = {name for options in given for name in options}
    return {name for name in names if len({_shown(options.get(name)) for options in given}) > 1}


def _where(found: Iterable[tuple[str, str, str]]) -> dict[str, set[str]]:
    """Of (value, place, model), where each value is: as few words as tell it from the others."""
    found = list(dict.fromkeys(found))
    where = {
        value: {f"{place} {model}".strip() for v, place, model in found if v == value}
        for value, _, _ in found
    }
    for part in (1, 2):
        at = {value: {one[part] for one in found if one[0] == value} for value in where}
        if sum(map(len, at.values())) == len(set().union(*at.values())):
            return at
    return where


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
