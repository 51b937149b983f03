"""The labels that training shows, numbered.

A label id is an index into the groups laid end to end, so equal words in two slots ("none") stay
two labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bench.errors import DataError
from tasks.corpora.utterance import Utterance
from tasks.spec import TaskSpec


@dataclass(frozen=True, slots=True)
class Labels:
    """An inventory of labels in groups.

    Args:
        groups: the symbols of each group: one group a slot, or a single group for a sequence
            task. With several groups an answer has one symbol of each, in order.
        counts: how often training shows each symbol; the same shape as `groups`.

    Raises:
        DataError: if the two differ in shape, or a group is empty or holds a symbol twice.
    """

    groups: tuple[tuple[str, ...], ...]
    counts: tuple[tuple[int, ...], ...]
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _ids: tuple[dict[str, int], ...] = field(init=False, repr=False, compare=False)
    _flat: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if [len(group) for group in self.groups] != [len(counts) for counts in self.counts]:
            raise DataError("label groups and their counts differ in shape")
        starts: list[int] = []
        ids: list[dict[str, int]] = []
        n = 0
        for group in self.groups:
            starts.append(n)
            ids.append({symbol: n + i for i, symbol in enumerate(group)})
            if not group or len(ids[-1]) != len(group):
                raise DataError(f"a group of labels is empty or holds a label twice: {group}")
            n += len(group)
        object.__setattr__(self, "_starts", tuple(starts))
        object.__setattr__(self, "_ids", tuple(ids))
        object.__setattr__(self, "_flat", tuple(s for group in self.groups for s in group))

    @classmethod
    def from_training(cls, task: TaskSpec, utterances: Iterable[Utterance]) -> Labels:
        """The labels of training utterances, the most frequent first, equals by symbol.

        Raises:
            DataError: if an answer does not fit the task, or there is no utterance.
        """
        tables: list[Counter[str]] = [Counter() for _ in task.slots or ("sequence",)]
        for utterance in utterances:
            try:
                task.check_symbols(utterance.symbols)
            except DataError as error:
                raise DataError(error.message, where=utterance.where, hint=error.hint) from None
            if task.is_sequence:
                tables[0].update(utterance.symbols)
            else:
                for table, symbol in zip(tables, utterance.symbols, strict=True):
                    table[symbol] += 1
        ranked = [sorted(table.items(), key=lambda item: (-item[1], item[0])) for table in tables]
        return cls(
            groups=tuple(tuple(symbol for symbol, _ in pairs) for pairs in ranked),
            counts=tuple(tuple(count for _, count in pairs) for pairs in ranked),
        )

    @property
    def n(self) -> int:
        """How many labels there are in all groups together."""
        return len(self._flat)

    def group_ids(self, group: int) -> range:
        """The label ids of one group."""
        start = self._starts[group]
        return range(start, start + len(self.groups[group]))

    def ids(self, symbols: Sequence[str]) -> tuple[int, ...]:
        """The label ids of an answer.

        Raises:
            DataError: if a symbol was never seen in training, or there is not one a group.
        """
        if len(self.groups) == 1:
            tables: Sequence[dict[str, int]] = self._ids * len(symbols)
        elif len(symbols) == len(self.groups):
            tables = self._ids
        else:
            raise DataError(f"{len(symbols)} labels where there are {len(self.groups)} slots")
        try:
            return tuple(table[symbol] for table, symbol in zip(tables, symbols, strict=True))
        except KeyError as error:
            raise DataError(
                f"label {error.args[0]!r} never occurs in training",
                hint="check the corpus, or train on more of it",
            ) from None

    def symbols(self, ids: Iterable[int]) -> tuple[str, ...]:
        """The answer that label ids stand for.

        Raises:
            DataError: if an id is out of range.
        """
        ids = tuple(ids)
        for label in ids:
            if not 0 <= label < self.n:
                raise DataError(f"label id {label} is not one of 0 to {self.n - 1}")
        return tuple(self._flat[label] for label in ids)
