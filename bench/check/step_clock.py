"""Times training steps from outside: a progress bar is told of every one of them.

Training loops show their epochs as a bar of `batches` and advance it after each. That is the place
where steps can be timed, and reference work run between them, without a line in any method.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bench.check.kernels import Clock, Kernels
from bench.progress import Bar, Progress

STEPS = "batches"
"""The unit of a bar that counts training steps."""
KERNELS_EVERY_S = 0.25


class Timed(NamedTuple):
    """A piece of work, and the reference work that was timed last before it.

    Attributes:
        work_s: seconds of the work.
        kernels_s: seconds of each piece of reference work.
    """

    work_s: float
    kernels_s: Mapping[str, float]


class StepClock(Progress):
    """Progress that shows nothing and notes the time of every training step.

    Args:
        kernels: timed before the first step and then every `KERNELS_EVERY_S`.
        clock: what both are timed with.

    Attributes:
        steps: what was timed so far, in order.
    """

    def __init__(self, kernels: Kernels, clock: Clock) -> None:
        super().__init__(quiet=True)
        self.steps: list[Timed] = []
        self._kernels, self._clock = kernels, clock
        self._known: Mapping[str, float] = {}
        self._known_at = float("-inf")

    def _look(self) -> None:
        if time.monotonic() - self._known_at > KERNELS_EVERY_S:
            self._known = self._kernels.time_s()
            self._known_at = time.monotonic()

    @contextlib.contextmanager
    def bar(self, total: float, what: str, unit: str, done: int = 0) -> Iterator[Bar]:
        """A silent bar; one that counts training steps is timed."""
        if unit != STEPS:
            yield Bar()
            return
        self._look()
        since = self._clock()

        def advanced(_: float) -> None:
            nonlocal since
            self.steps.append(Timed(self._clock() - since, self._known))
            self._look()
            since = self._clock()

        yield Bar(advanced)
