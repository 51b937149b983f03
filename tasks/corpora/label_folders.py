"""The corpus `folders`: any folder of `<label>/*.wav|flac`, split here.

The layout of Speech Commands and its relatives. A recording's *group* is what stands before
`_nohash_` in its name (Speech Commands: the speaker's hash; elsewhere the recording's index), or
its whole name. A group lies in one split, whatever labels it speaks. Groups are ordered by the
SHA-1 of their name; the first fifth goes to test, the next fifth to valid, the rest to train: the
same on every machine, and nothing is drawn. The order is the same for every label, so a group is a
stranger to the other splits. Where a group is a speaker, intervals are over speakers.

Folders whose name begins with `_` or `.` hold no label (Speech Commands' `_background_noise_`).
"""

from __future__ import annotations

import hashlib
import re
from functools import partial
from pathlib import Path

from bench.errors import DataError, MissingError, UsageError
from bench.progress import Progress
from tasks.corpora.corpus import SPLITS, Corpus, SplitName
from tasks.corpora.split import Split
from tasks.corpora.utterance import Utterance
from tasks.readable import label, writable
from tasks.spec import TaskSpec

SUFFIXES = (".wav", ".flac")
TEST_SHARE = VALID_SHARE = 0.2
"""Of the groups."""
_GROUP = re.compile(r"(.+?)_nohash_")
_SPEAKER_HASH = re.compile(r"[0-9a-f]{8}")


def open_label_folders(task: TaskSpec, root: Path | None, progress: Progress) -> Corpus:
    """The corpus in a folder of label folders.

    Raises:
        UsageError: if no root is given, or the task has no single label.
        MissingError: if the root is no folder.
        DataError: if it holds fewer than two labels or three groups of recordings, or a label
            or file has a name that no answer can have.
    """
    if root is None:
        raise UsageError("corpus 'folders' needs --root", hint="the folder of <label>/*.wav|flac")
    if task.answer != "label":
        raise UsageError(
            f"corpus 'folders' has one label a recording: it is for ks and lid, not {task.name}"
        )
    if not root.is_dir():
        raise MissingError("there is no such folder", where=str(root))
    found = [
        file
        for folder in sorted(root.iterdir())
        if folder.is_dir() and folder.name[0] not in "_."
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    ]
    _check_names(found, root)
    labels = {file.parent.name for file in found}
    groups = {group_of(file) for file in found}
    if len(labels) < 2 or len(groups) < 3:
        raise DataError(
            f"holds {len(labels)} labels and {len(groups)} groups of recordings",
            where=str(root),
            hint="<label>/*.wav or .flac, two labels and three recordings at least",
        )
    parts = split_of(groups)
    readers = {split: partial(_read, found, root.resolve(), parts, split) for split in SPLITS}
    name = root.resolve().name
    return Corpus(name=name, task=task, readers=readers, root=root.resolve())


def _check_names(files: list[Path], root: Path) -> None:
    try:
        for folder in dict.fromkeys(file.parent for file in files):
            label(folder.name, "the folder's name")
        for file in files:
            writable(file.name, f"{file.parent.name}: the file's name")
    except DataError as error:
        raise DataError(error.message, where=str(root), hint=error.hint) from None


def group_of(file: Path) -> str:
    """What a recording shares with others that must not lie in another split."""
    found = _GROUP.match(file.stem)
    return found[1] if found else f"{file.parent.name}/{file.stem}"


def split_of(groups: set[str]) -> dict[str, SplitName]:
    """The split of each group; every split gets one at least."""
    ordered = sorted(groups, key=lambda group: hashlib.sha1(group.encode()).hexdigest())
    n_test = max(1, round(TEST_SHARE * len(ordered)))
    n_valid = max(1, round(VALID_SHARE * len(ordered)))
    return {
        group: "test" if i < n_test else "valid" if i < n_test + n_valid else "train"
        for i, group in enumerate(ordered)
    }


def _read(files: list[Path], root: Path, parts: dict[str, SplitName], name: SplitName) -> Split:
    utterances = []
    for file in files:
        group = group_of(file)
        if parts[group] == name:
            place = f"{file.parent.name}/{file.name}"
            utterances.append(
                Utterance(
                    id=place,
                    symbols=(file.parent.name,),
                    audio=root / place,
                    speaker=group if _SPEAKER_HASH.fullmatch(group) else None,
                    where=str(root / place),
                )
            )
    return Split(utterances=tuple(utterances))
