"""The folder of one run: its name, its lock, what it holds and how far it got.

```
<task>-<method>-<corpus>-<model>-s<seed>-<hash8>/
    record.json        when the run has ended, however it ended
    config.yaml        the request, resolved
    predictions.jsonl  test answers, written before they are scored
    confusion.json     for tasks with labels
    statistics.json    metrics utterance by utterance, for paired tests
    train.jsonl        one line an epoch              (the method writes these three)
    checkpoint/        to continue from
    prompt.safetensors | model.safetensors
    log.txt
    attempt.json       when it was first started, and what earlier attempts cost
    .lock              held while a process works here
```
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BenchError, DataError, StorageError
from bench.files import clear_temporaries, make_folder, remove, storage, write_atomic
from bench.records import Record, load_record


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Everything that decides a run's result.

    Attributes:
        corpus: its name; only for the folder's name, the fingerprint decides.
        model: the frozen model's name; only for the folder's name, the fingerprint decides.
        options: the method's options, resolved, as JSON.
    """

    task: str
    task_version: str
    method: str
    corpus: str
    corpus_fingerprint: str
    model: str
    model_fingerprint: str
    options: dict[str, Any]
    seed: int
    device: str
    precision: str

    def digest(self) -> str:
        """SHA-256 in hex over what decides the result."""
        decides = {
            "task": [self.task, self.task_version],
            "method": [self.method, self.options],
            "corpus": self.corpus_fingerprint,
            "model": self.model_fingerprint,
            "seed": self.seed,
            "device": self.device.partition(":")[0],
            "precision": self.precision,
        }
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()

    def folder_name(self) -> str:
        """`<task>-<method>-<corpus>-<model>-s<seed>-<hash8>`, safe as a file name."""
        words = [self.task, self.method, self.corpus, self.model, f"s{self.seed}"]
        return "-".join([*(_safe(word) for word in words), self.digest()[:8]])


def _safe(word: str) -> str:
    return re.sub(r"[^\w.]+", "_", word).strip("._")[:60] or "_"


class RunFolder:
    """One run folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "log.txt"
        self.predictions = path / "predictions.jsonl"
        self.statistics = path / "statistics.json"
        self.record_file = path / "record.json"

    def finished(self) -> Record | None:
        """The record of a finished run, or None if there is none yet.

        Raises:
            DataError: if there is a record that cannot be read.
        """
        record = self._record()
        return record if record is not None and record.status == "ok" else None

    def started(self) -> bool:
        """Whether this run was ever started here."""
        return (self.path / "config.yaml").exists()

    def _record(self) -> Record | None:
        if not self.record_file.exists():
            return None
        try:
            return load_record(self.record_file)
        except DataError as error:
            raise DataError(
                error.message,
                where=error.where,
                hint="--overwrite runs it anew; or move the folder away",
            ) from error

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Holds the folder for this process; the kernel lets go of it if the process dies.

        Raises:
            StorageError: if another process works here, or the folder cannot be written.
        """
        make_folder(self.path)
        lock = self.path / ".lock"
        with storage(lock):
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
                raise StorageError(
                    f"another process{f' ({holder})' if holder else ''} is working on this run",
                    where=str(self.path),
                    hint="wait for it to end, then ask again to get its record",
                ) from None
            with storage(lock):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"pid {os.getpid()}\n".encode("ascii"), 0)
            yield
        finally:
            os.close(descriptor)

    def clear(self) -> None:
        """Removes everything but the lock.

        Raises:
            StorageError: if that cannot be done.
        """
        with storage(self.path):
            for entry in self.path.iterdir():
                if entry.name != ".lock":
                    remove(entry)

    def prepare(self, config: str) -> None:
        """Makes the folder ready for an attempt: no half-written files, no old verdict.

        Raises:
            StorageError: if it cannot be written.
        """
        clear_temporaries(self.path)
        write_atomic(self.path / "config.yaml", config)
        remove(self.record_file)

    def write_record(self, record: Record) -> None:
        """Writes `record.json` atomically.

        Raises:
            StorageError: if it cannot be written.
        """
        write_atomic(self.record_file, record.to_json())

    def progress_of_training(self) -> float | None:
        """When training last left something to continue from, in seconds since the epoch."""
        times = []
        for name in ("train.jsonl", "checkpoint"):
            with contextlib.suppress(FileNotFoundError):
                times.append((self.path / name).stat().st_mtime)
        return max(times, default=None)

    def ended_attempt(self) -> Record | None:
        """The record of an earlier attempt that failed or was interrupted, if it can be read."""
        try:
            return self._record()
        except BenchError:
            return None
