from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from bench.errors import MissingError, StorageError
from bench.files import (
    atomic_path,
    clear_temporaries,
    make_folder,
    recover_folder,
    remove,
    replace_folder,
    sha256_of_file,
    write_atomic,
)


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_write_atomic_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    write_atomic(file, "één")
    write_atomic(file, b"two")
    assert file.read_bytes() == b"two"
    assert names(tmp_path) == {"a.txt"}


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota")]
)
def test_a_full_disk_keeps_the_old_content_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    file = tmp_path / "a.txt"
    write_atomic(file, "old")

    def full(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=words) as caught:
        write_atomic(file, "new")
    assert caught.value.where == str(file)
    assert file.read_text() == "old"
    assert names(tmp_path) == {"a.txt"}


def test_a_file_where_a_folder_is_needed_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(StorageError, match="a file stands where a folder is needed"):
        make_folder(tmp_path / "runs" / "x")


def test_atomic_path_gives_ordinary_permissions(tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    with atomic_path(tmp_path / "b") as temporary:
        temporary.unlink()
        descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600)
        os.write(descriptor, b"weights")
        os.close(descriptor)
    assert (tmp_path / "b").read_bytes() == b"weights"
    assert (tmp_path / "b").stat().st_mode == ordinary.stat().st_mode


def test_atomic_path_keeps_the_old_content_when_the_writer_fails(tmp_path: Path) -> None:
    file = tmp_path / "b"
    file.write_text("old")

    def failing_writer() -> None:
        with atomic_path(file) as temporary:
            temporary.write_text("half")
            raise RuntimeError("writer")

    with pytest.raises(RuntimeError, match="writer"):
        failing_writer()
    assert file.read_text() == "old"
    assert names(tmp_path) == {"b"}


def test_replace_folder_swaps_whole_folders(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    for content in ("one", "two"):
        with replace_folder(folder) as new:
            (new / content).write_text(content)
    assert names(folder) == {"two"}
    assert names(tmp_path) == {"checkpoint"}


def test_recover_folder_puts_back_what_a_kill_between_the_renames_left(tmp_path: Path) -> None:
    (tmp_path / ".checkpoint.old").mkdir()
    (tmp_path / ".checkpoint.old" / "state").write_text("good")
    (tmp_path / ".checkpoint.1-0123abcd.tmp").mkdir()
    recover_folder(tmp_path / "checkpoint")
    assert (tmp_path / "checkpoint" / "state").read_text() == "good"
    assert names(tmp_path) == {"checkpoint"}


def test_only_leavings_of_its_own_are_cleared(tmp_path: Path) -> None:
    others = {".mine.tmp", ".checkpoint.tmp", ".site.1-0123abcd.tmp", "checkpoint.1-0123abcd.tmp"}
    for name in (*others, ".checkpoint.1-0123abcd.tmp"):
        (tmp_path / name).mkdir()
    recover_folder(tmp_path / "checkpoint")
    assert names(tmp_path) == others
    clear_temporaries(tmp_path)
    assert names(tmp_path) == others - {".site.1-0123abcd.tmp"}


def test_what_a_killed_writer_leaves_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(source: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a\nb.txt", "half")
    monkeypatch.undo()
    assert len(names(tmp_path)) == 1
    clear_temporaries(tmp_path)
    assert names(tmp_path) == set()


def test_recover_folder_prefers_the_new_folder(tmp_path: Path) -> None:
    for name, text in ((".checkpoint.old", "old"), ("checkpoint", "new")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "state").write_text(text)
    recover_folder(tmp_path / "checkpoint")
    assert (tmp_path / "checkpoint" / "state").read_text() == "new"
    assert names(tmp_path) == {"checkpoint"}


def test_remove_takes_files_folders_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").touch()
    (tmp_path / "f").touch()
    for name in ("d", "f", "absent"):
        remove(tmp_path / name)
    assert names(tmp_path) == set()


def test_sha256_of_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 3_000_000)
    assert sha256_of_file(tmp_path / "f") == hashlib.sha256(b"x" * 3_000_000).hexdigest()
    with pytest.raises(MissingError, match="cannot be read"):
        sha256_of_file(tmp_path / "absent")
