"""What a person sees of long work: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.files import storage

SECONDS_A_LINE = 120.0


class Bar:
    """One piece of long work; silent unless it was given somewhere to show itself."""

    def __init__(self, show: Callable[[float], None] | None = None) -> None:
        self._show = show

    def advance(self, n: float = 1) -> None:
        """Says that `n` more units of the work are done."""
        if self._show is not None:
            self._show(n)


class _Lines:
    """How far work is, a line every two minutes; what ends sooner is silent."""

    def __init__(self, total: float, what: str, unit: str, done: int) -> None:
        self._total, self._what, self._unit = total, what, unit
        self._at_first = self._done = float(done)
        self._began = self._told = time.monotonic()
        self._lock = threading.Lock()

    def show(self, n: float) -> None:
        """`n` more are done."""
        with self._lock:
            self._done += n
            now = time.monotonic()
            if now - self._told < SECONDS_A_LINE or self._done >= self._total:
                return
            self._told = now
            rate = (self._done - self._at_first) / (now - self._began)
            left = (self._total - self._done) / rate / 60
            print(
                f"{self._what}: {self._done:,.0f}/{self._total:,.0f} {self._unit}, "
                f"{rate:,.1f} {self._unit}/s, {left:,.0f} min to go",
                file=sys.stderr,
                flush=True,
            )


class Progress:
    """Lines and bars on stderr.

    Args:
        quiet: show nothing.
        log: a file that every line is appended to as well, quiet or not.
    """

    def __init__(self, quiet: bool = False, log: Path | None = None) -> None:
        self.quiet = quiet
        self.log = log

    def line(self, text: str) -> None:
        """One line, e.g. the result of an epoch.

        Raises:
            StorageError: if the log cannot be written.
        """
        if self.log is not None:
            with storage(self.log), self.log.open("a", encoding="utf-8") as stream:
                stream.write(text + "\n")
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def bar(self, total: float, what: str, unit: str, done: int = 0) -> Iterator[Bar]:
        """A bar with rate and remaining time on a terminal; elsewhere lines, if it takes minutes.

        Args:
            total: amount of work.
            what: what is being done, e.g. "epoch 3".
            unit: what the amount counts, in the plural, e.g. "tokens".
            done: how much of it was done before.
        """
        if self.quiet:
            yield Bar()
            return
        if not sys.stderr.isatty():
            yield Bar(_Lines(total, what, unit, done).show)
            return
        from rich.console import Console
        from rich.progress import BarColumn, Task, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress
        from rich.progress import ProgressColumn as Column
        from rich.text import Text

        class Rate(Column):
            def render(self, task: Task) -> Text:
                speed = task.finished_speed or task.speed
                return Text("" if speed is None else f"{speed:,.0f} {unit}/s")

        columns = [
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn(f"{{task.completed:,.0f}}/{{task.total:,.0f}} {unit}"),
            Rate(),
            TimeRemainingColumn(),
        ]
        console = Console(stderr=True)
        with RichProgress(*columns, console=console, transient=True) as shown:
            task = shown.add_task(what, total=total, completed=done)
            yield Bar(lambda n: shown.advance(task, n))
