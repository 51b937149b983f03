"""Every error that is meant for a person, and the exit code it ends the command with.

```
BenchError                1
|-- UsageError            2   the command line or the configuration is wrong
|   `-- UnknownNameError      a name no registry has; says what was probably meant
|-- MissingError          3   data, weights or an extra is absent
|-- DataError             1   bad corpus, audio or unit content
|-- CheckpointError       1   bad GSLM folder or checkpoint
|-- StorageError          1   disk full, not writable, locked by another process
`-- RunFailedError        1   the run itself could not be finished
```

An interrupted run (SIGINT, SIGTERM) ends with 130; that is no error of this tree. A message says
what is wrong, `where` says in which file, line or utterance, `hint` says what to do. The command
line prints the three without a traceback; `--debug` shows one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar

INTERRUPTED = 130
"""Exit code of an interrupted run."""


class BenchError(Exception):
    """An error with a message for the person at the command line.

    Args:
        message: what is wrong.
        where: file, `file:line` or utterance id.
        hint: what to do about it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, where, hint)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """`where: message`, the hint indented on a line of its own."""
        text = self.message if self.where is None else f"{self.where}: {self.message}"
        return text if self.hint is None else f"{text}\n  {self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        """Survives a process boundary, keyword arguments included."""
        return (_rebuild, (type(self), self.message, self.where, self.hint))


class UsageError(BenchError):
    """The command line or the configuration is wrong."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that is not in a registry.

    Args:
        kind: what was named, e.g. "task".
        name: the name as typed.
        known: the names there are.
        where: file or option it was read from.
    """

    def __init__(
        self, kind: str, name: str, known: Iterable[str], *, where: str | None = None
    ) -> None:
        names = sorted(known)
        meant = closest(name, names)
        hint = (
            f"did you mean {meant!r}?"
            if meant is not None
            else f"known: {', '.join(names) if names else 'none'}"
        )
        super().__init__(f"unknown {kind} {name!r}", where=where, hint=hint)


class MissingError(BenchError):
    """Data, weights or an extra is absent."""

    exit_code = 3


class DataError(BenchError):
    """A corpus, audio or unit content is wrong."""


class CheckpointError(BenchError):
    """A GSLM folder or a checkpoint is wrong."""


class StorageError(BenchError):
    """The disk is full, or a place cannot be written."""


class RunFailedError(BenchError):
    """The run itself could not be finished."""


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, or None."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def _rebuild(
    kind: type[BenchError], message: str, where: str | None, hint: str | None
) -> BenchError:
    error = kind.__new__(kind)
    BenchError.__init__(error, message, where=where, hint=hint)
    return error
