"""What is expensive to compute is kept: one folder an entry, found by the content of its key.

```
$BENCH_CACHE/<kind>/<sha256 of the key>/
    .content.lock   held while a process builds the entry; the kernel lets go if it dies
    content/        the entry, renamed into place when it is whole
        key.json
```
A reader sees a whole entry or none. Of several processes that want the same entry one builds it,
the others wait. Entries are never changed; the folder may be deleted at any time between runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.cache import cache_root, one_at_a_time
from bench.errors import StorageError
from bench.files import make_folder, recover_folder, remove, replace_folder

Key = Mapping[str, "str | int | float | bool"]


class Cache:
    """The cache folder.

    Args:
        root: where it is; None for `$BENCH_CACHE`, or `~/.cache/speechprompt-bench`.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_root()

    def find(self, kind: str, key: Key) -> Path | None:
        """The folder of a whole entry, or None if there is none.

        Args:
            kind: what the entry is, a word that can name a folder.
            key: everything that decides its content.
        """
        folder = self._place(kind, key) / "content"
        try:
            known = (folder / "key.json").read_text(encoding="utf-8")
        except OSError:
            return None
        return folder if known == _text(key) else None

    def folder(self, kind: str, key: Key, build: Callable[[Path], None]) -> Path:
        """The folder of an entry, built if there is none.

        Args:
            kind: what the entry is.
            key: everything that decides its content.
            build: fills an empty folder; what it raises passes through and leaves no entry.

        Raises:
            StorageError: if the cache cannot be written.
        """
        found = self.find(kind, key)
        if found is not None:
            return found
        place = self._place(kind, key)
        try:
            make_folder(place)
            with one_at_a_time(place / "content", lambda: None):
                found = self.find(kind, key)
                if found is not None:
                    return found
                recover_folder(place / "content")
                with replace_folder(place / "content") as new:
                    build(new)
                    (new / "key.json").write_text(_text(key), encoding="utf-8")
        except StorageError as error:
            hint = f"BENCH_CACHE names another place for the cache (now {self.root})"
            raise StorageError(error.message, where=error.where, hint=hint) from error
        return place / "content"

    def drop(self, kind: str, key: Key) -> None:
        """Removes an entry that turned out to be damaged.

        Raises:
            StorageError: if it cannot be removed.
        """
        remove(self._place(kind, key) / "content")

    def _place(self, kind: str, key: Key) -> Path:
        return self.root / kind / hashlib.sha256(_text(key).encode()).hexdigest()


def _text(key: Key) -> str:
    return json.dumps(dict(key), sort_keys=True) + "\n"
