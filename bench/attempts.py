"""What earlier attempts at a run cost, so that a resumed run reports the whole cost.

A failed or interrupted attempt says so in its record. A killed one cannot: its training time is
counted up to the last thing it left to continue from.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from bench.files import write_atomic
from bench.run_folder import RunFolder


def now() -> datetime:
    """The present moment, UTC."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt at a run.

    Attributes:
        first_started: when the first attempt at this run was started (ISO, UTC).
        prepare_s: preparation time of all attempts up to the start of training of this one.
        train_s: training time of the earlier attempts.
        training_since: when this attempt's training started (seconds since the epoch); None
            before.
    """

    first_started: str = field(default_factory=lambda: now().isoformat())
    prepare_s: float = 0.0
    train_s: float = 0.0
    training_since: float | None = None

    def training(self, prepare_s: float) -> Attempt:
        """This attempt, as its training starts after `prepare_s` of preparation."""
        return replace(self, prepare_s=self.prepare_s + prepare_s, training_since=time.time())

    def write(self, folder: RunFolder) -> None:
        """Leaves a note of this attempt in the folder.

        Raises:
            StorageError: if it cannot be written.
        """
        write_atomic(_file(folder), json.dumps(asdict(self)) + "\n")


def next_attempt(folder: RunFolder) -> Attempt:
    """The attempt that carries on what the folder holds; a first one if it holds nothing."""
    try:
        last = Attempt(**json.loads(_file(folder).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Attempt()
    ended = folder.ended_attempt()
    if ended is not None:
        return replace(
            last,
            prepare_s=ended.cost.prepare_s,
            train_s=ended.cost.train_s,
            training_since=None,
        )
    reached = folder.progress_of_training()
    killed_after_s = 0.0
    if reached is not None and last.training_since is not None:
        killed_after_s = max(0.0, reached - last.training_since)
    return replace(last, train_s=last.train_s + killed_after_s, training_since=None)


def _file(folder: RunFolder) -> Path:
    return folder.path / "attempt.json"
