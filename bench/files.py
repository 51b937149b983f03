"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.errors import MissingError, StorageError

_HINTS = {
    errno.ENOSPC: "the disk is full: free some space, then run the same command again",
    errno.EDQUOT: "your disk quota is used up: free some space, then run the same command again",
    errno.EFBIG: "the file size limit of this process is reached (see `ulimit -f`)",
    errno.EACCES: "choose a place that you may write to, e.g. with --out",
    errno.EPERM: "choose a place that you may write to, e.g. with --out",
    errno.EROFS: "this file system is read-only: choose another place, e.g. with --out",
    errno.ENOTDIR: "a file stands where a folder is needed: move it, or choose another --out",
    errno.EEXIST: "a file stands where a folder is needed: move it, or choose another --out",
    errno.EISDIR: "a folder stands where a file is needed: move it, or choose another --out",
}


@contextlib.contextmanager
def storage(path: Path) -> Iterator[None]:
    """Turns what the operating system says about writing `path` into a StorageError.

    Raises:
        StorageError: naming the path, for every OSError inside (a BenchError passes through).
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            f"cannot be written: {reason}",
            where=str(path),
            hint=_HINTS.get(error.errno or 0),
        ) from error


def make_folder(path: Path) -> Path:
    """Makes a folder and the ones above it; returns it.

    Raises:
        StorageError: if that cannot be done.
    """
    with storage(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def write_atomic(path: Path, content: bytes | str) -> None:
    """Writes a file so that `path` holds the old content or the new one, never a part.

    Args:
        path: the file; its folder exists.
        content: text is encoded as UTF-8.

    Raises:
        StorageError: if it cannot be written; the old content is still there.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = _temporary(path)
    with storage(path):
        try:
            with temporary.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """For a writer that wants a path (`safetensors.save_file`): yields a temporary one.

    It becomes `path` when the block ends without an error, and is removed otherwise.

    Raises:
        StorageError: if it cannot be written; the old content is still there.
    """
    temporary = _temporary(path)
    with storage(path):
        try:
            temporary.touch()
            mode = temporary.stat().st_mode
            yield temporary
            # Some writers (safetensors) make files that only their owner may read.
            temporary.chmod(mode)
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Yields an empty folder that takes the place of `path` when the block ends without an error.

    A process killed between the two renames leaves the old content as `.NAME.old`;
    `recover_folder` puts it back.

    Raises:
        StorageError: if it cannot be written; the old content is still there.
    """
    new = _temporary(path)
    old = path.with_name(f".{path.name}.old")
    with storage(path):
        try:
            new.mkdir(parents=True)
            yield new
            for file in sorted(new.rglob("*")):
                if file.is_file():
                    with file.open("rb") as stream:
                        os.fsync(stream.fileno())
            if path.exists():
                remove(old)
                os.replace(path, old)
            os.replace(new, path)
            _sync_folder(path.parent)
            remove(old)
        finally:
            remove(new)


def recover_folder(path: Path) -> None:
    """Puts back what a killed `replace_folder` left beside `path`, and clears its leavings.

    Raises:
        StorageError: if that cannot be done.
    """
    old = path.with_name(f".{path.name}.old")
    with storage(path):
        if old.exists():
            if path.exists():
                remove(old)
            else:
                os.replace(old, path)
        if path.parent.is_dir():
            _clear(path.parent, lambda name: name == path.name)


def clear_temporaries(folder: Path) -> None:
    """Removes the half-written files that a killed process of ours left in `folder`."""
    if folder.is_dir():
        _clear(folder, lambda _: True)


def _clear(folder: Path, is_ours: Callable[[str], bool]) -> None:
    """Removes the leavings of files and folders whose name is ours; those of others stay."""
    for entry in list(folder.iterdir()):
        found = _LEAVING.fullmatch(entry.name)
        if found and is_ours(found["name"]):
            remove(entry)


def remove(path: Path) -> None:
    """Removes a file or a whole folder; nothing happens if it is not there.

    Raises:
        StorageError: if it cannot be removed.
    """
    with storage(path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def sha256_of_file(path: Path) -> str:
    """The SHA-256 of a file's content, in hex.

    Raises:
        MissingError: if it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise MissingError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return digest.hexdigest()


_LEAVING = re.compile(r"\.(?P<name>.+)\.\d+-[0-9a-f]{8}\.tmp", re.DOTALL)
"""What `_temporary` names."""


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
