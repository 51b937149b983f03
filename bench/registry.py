"""A visible table of names. Outsiders add to it through entry points, read on first need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar, cast

from bench.errors import UnknownNameError, UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind of thing, e.g. the tasks.

    Entry points are read once, when a name is not in the table or all names are asked for: a name
    of the table costs nothing.

    Args:
        kind: what the names name, in the singular, for messages.
        entries: the built-in names, in the order they are listed.
        entry_point_group: where other distributions register theirs; None for nowhere.
    """

    def __init__(
        self, kind: str, entries: Mapping[str, T], entry_point_group: str | None = None
    ) -> None:
        self.kind = kind
        self._entries: dict[str, T] = dict(entries)
        self._group = entry_point_group
        self._outside: dict[str, T] | None = None

    def get(self, name: str) -> T:
        """The entry called `name`.

        Raises:
            UnknownNameError: if there is none; says which name was probably meant.
            UsageError: if two entries carry the same name, or an entry point cannot be loaded.
        """
        if name in self._entries:
            return self._entries[name]
        outside = self._read_entry_points()
        if name in outside:
            return outside[name]
        raise UnknownNameError(self.kind, name, [*self._entries, *outside])

    def names(self) -> tuple[str, ...]:
        """All names: the built-in ones in table order, then the outsiders' sorted."""
        return (*self._entries, *sorted(self._read_entry_points()))

    def register(self, name: str, entry: T) -> None:
        """Adds an entry.

        Raises:
            UsageError: if the name is taken.
        """
        if name in self.names():
            raise UsageError(f"{self.kind} {name!r} is registered twice")
        self._entries[name] = entry

    def _read_entry_points(self) -> dict[str, T]:
        if self._outside is not None:
            return self._outside
        outside: dict[str, T] = {}
        if self._group is not None:
            from importlib.metadata import entry_points

            for point in entry_points(group=self._group):
                origin = f"entry point {point.value!r}"
                if point.name in self._entries or point.name in outside:
                    raise UsageError(
                        f"{self.kind} {point.name!r} is registered twice",
                        where=origin,
                        hint="uninstall one of the distributions that provide it",
                    )
                try:
                    outside[point.name] = cast(T, point.load())
                except Exception as error:
                    raise UsageError(
                        f"{self.kind} {point.name!r} cannot be loaded: {error}", where=origin
                    ) from error
        self._outside = outside
        return outside
