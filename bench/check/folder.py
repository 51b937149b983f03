"""The folder of a check: run folders, what was measured, the outcome.

```
checks/<suite>/
    state.json     of which source and suite
    runs/          the run folders, with their records
    measured/      one file a run; what --resume finds done
    outcome.json   when the check has ended
```
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from bench.check.measurement import Kept, load_kept
from bench.check.suite import Suite
from bench.errors import MissingError, UsageError
from bench.files import make_folder, remove, write_atomic

_SOURCE = Path(__file__).resolve().parents[2]
_PACKAGES = ("baselines", "bench", "reports", "tasks")


class CheckFolder:
    """One such folder on disk.

    Args:
        path: where.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs = path / "runs"
        self._state = path / "state.json"
        self._measured = path / "measured"

    def start(self, suite: Suite, *, resume: bool) -> None:
        """Makes it ready.

        Args:
            suite: what will be checked.
            resume: go on with a check of the same suite and the same source; otherwise an earlier
                check's content is removed.

        Raises:
            MissingError: if there is no check to go on with.
            UsageError: if it was of another suite or source, or the folder holds something else.
            StorageError: if it cannot be written.
        """
        state = {"suite": suite.digest(), "source": source_digest()}
        if resume:
            self._same(state)
            return
        if self.path.is_dir() and any(self.path.iterdir()) and not self._state.exists():
            raise UsageError(
                "is there already, and no check made it",
                where=str(self.path),
                hint="choose another --out, or move it away",
            )
        for old in (self._measured, self.runs, self.path / "outcome.json"):
            remove(old)
        make_folder(self._measured)
        make_folder(self.runs)
        write_atomic(self._state, json.dumps(state) + "\n")

    def _same(self, state: dict[str, str]) -> None:
        try:
            begun = json.loads(self._state.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise MissingError(
                "there is no check to go on with",
                where=str(self.path),
                hint="leave --resume out, or give the --out of the check that was interrupted",
            ) from None
        except (OSError, ValueError) as error:
            raise UsageError(
                f"cannot be read: {error}", where=str(self._state), hint="leave --resume out"
            ) from error
        changed = [what for what, digest in state.items() if dict(begun or {}).get(what) != digest]
        if changed:
            raise UsageError(
                f"the {' and the '.join(changed)} changed since this check began",
                where=str(self.path),
                hint="leave --resume out: what was measured before does not speak of it",
            )

    def kept(self, cell: str, seed: int) -> Kept | None:
        """What a run left, if it was finished.

        Raises:
            DataError: if that is damaged.
        """
        return load_kept(self._file(cell, seed))

    def keep(self, cell: str, seed: int, kept: Kept) -> None:
        """Notes a finished run.

        Raises:
            StorageError: if it cannot be written.
        """
        write_atomic(self._file(cell, seed), kept.model_dump_json() + "\n")

    def _file(self, cell: str, seed: int) -> Path:
        return self._measured / f"{cell}-s{seed}.json"


def source_digest() -> str:
    """SHA-256 in hex over the Python source of this distribution."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for file in sorted((_SOURCE / package).rglob("*.py")):
            digest.update(f"{file.relative_to(_SOURCE)}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
