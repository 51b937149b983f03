"""What makes two runs the same row, and what the row is called.

A row is a method with its options on a frozen model. Presets give the same method other options on
another task, so only options that differ between runs on the same data split a row; what differs
from task to task alone is told beside the table.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence

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
        self._splitting = self._split()
        self._models: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        known = [run.record for group in others for run in group]
        for record in (*self._records(), *known):
            if record.model is not None:
                model = (record.method.name, record.model.name)
                self._models[model].add(record.model.fingerprint)

    def name(self, record: Record) -> str:
        """The row's name; equal for two records when they belong in the same row."""
        if self._by:
            return " ".join(
                _shown(field(record, name))
                if name in ("method", "model", "task", "corpus")
                else f"{name.replace('_', '-')}={_shown(field(record, name))}"
                for name in self._by
            )
        method, model = record.method, record.model
        parts = [method.name]
        if model is not None and model.name != "none":
            parts.append(f"on {model.name}")
            if len(self._models[method.name, model.name]) > 1:
                parts.append(f"({model.fingerprint[:8]})")
        parts.extend(
            f"{name.replace('_', '-')}={_shown(method.options.get(name))}"
            for name in self._splitting.get(method.name, ())
        )
        return " ".join(parts)

    def settings(
        self,
        groups: Iterable[Sequence[Run]],
        place: Callable[[Record], str] = lambda record: record.task.name,
    ) -> tuple[str, ...]:
        """What differs within a row from one place to the next, a line a method.

        Args:
            groups: the runs to look at.
            place: what a place is called; the task, unless told otherwise.
        """
        values: defaultdict[tuple[str, str], defaultdict[str, set[str]]] = defaultdict(
            lambda: defaultdict(set)
        )
        for record in (run.record for group in groups for run in group):
            method = record.method
            for name, value in method.options.items():
                if name not in self._splitting.get(method.name, ()) and name not in self._merged:
                    values[method.name, name][_shown(value)].add(place(record))
        told: defaultdict[str, list[str]] = defaultdict(list)
        for (method_name, option), by_value in sorted(values.items()):
            if len(by_value) > 1:
                each = ", ".join(
                    f"{value} ({', '.join(sorted(places))})" for value, places in by_value.items()
                )
                told[method_name].append(f"{option.replace('_', '-')} {each}")
        return tuple(f"{name}: {'; '.join(options)}" for name, options in told.items())

    def mixed(self, runs: Sequence[Run]) -> tuple[str, ...]:
        """The options (and model) that differ between runs of one cell, seeds apart."""
        given = [run.record.method for run in runs]
        names = sorted({name for method in given for name in method.options} - self._merged)
        differing = [
            name.replace("_", "-")
            for name in names
            if len({_shown(method.options.get(name)) for method in given}) > 1
        ]
        models = {run.record.model.fingerprint for run in runs if run.record.model is not None}
        if len(models) > 1:
            differing.insert(0, "model")
        if len({method.name for method in given}) > 1:
            differing.insert(0, "method")
        return tuple(differing)

    def _split(self) -> dict[str, list[str]]:
        """By method, the options that differ within a group of runs that compare."""
        splitting: dict[str, list[str]] = {record.method.name: [] for record in self._records()}
        for group in self._groups:
            by_method: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(
                lambda: defaultdict(set)
            )
            given = [record.method for record in group]
            for method in given:
                names = {
                    name for other in given if other.name == method.name for name in other.options
                }
                for name in names - self._merged:
                    by_method[method.name][name].add(_shown(method.options.get(name)))
            for method_name, options in by_method.items():
                for name, values in options.items():
                    if len(values) > 1 and name not in splitting[method_name]:
                        splitting[method_name].append(name)
        return {name: sorted(options) for name, options in splitting.items()}

    def _records(self) -> Iterable[Record]:
        return (record for group in self._groups for record in group)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
