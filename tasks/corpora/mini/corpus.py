"""Opening the corpus `mini`: generated on first use, then read like any manifest folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from bench.cache import cache_root, one_at_a_time
from bench.errors import UsageError
from bench.progress import Progress
from tasks.corpora.corpus import SPLITS, Corpus, SplitName
from tasks.corpora.manifest import CARD, open_manifest_folder, read_card, read_manifest
from tasks.corpora.mini.fingerprints import PINNED
from tasks.corpora.mini.generating import generate
from tasks.corpora.mini.plan import SAYINGS, key, plan
from tasks.corpora.split import Split
from tasks.spec import TaskSpec


def open_mini(task: TaskSpec, root: Path | None, progress: Progress) -> Corpus:
    """The corpus `mini` for a task, generated if this machine has not done so yet.

    Samples that differ from the pinned fingerprint are no error: the words are right, and a result
    on them is a result. But runs compare only where the corpus is the same, so the difference is
    named on stderr, counted in the record's notes as `splits_unlike_pinned`, and the corpus has
    another fingerprint.

    Raises:
        UsageError: if `root` is given, or there is no such part of the corpus.
        MissingError: if the synthesiser is not installed.
        RunFailedError: if it fails.
        StorageError: if the cache cannot be written.
    """
    if root is not None:
        raise UsageError(
            "corpus 'mini' is generated and lies in the cache",
            hint="leave --root out; BENCH_CACHE chooses another cache",
        )
    if task.name not in SAYINGS:
        raise UsageError(
            f"corpus 'mini' has nothing for {task.name!r}", hint=f"it has {', '.join(SAYINGS)}"
        )
    folder = _made(task.name, progress)
    corpus = open_manifest_folder(folder, task)
    found = read_card(folder / CARD).fingerprints or {}
    pinned = PINNED.get(task.name, {})
    unlike = [split for split in SPLITS if found.get(split) != pinned.get(split)]
    if unlike:
        progress.line(
            f"warning: corpus mini, {task.name}: {', '.join(unlike)} differ from what the "
            "synthesiser gave when the corpus was pinned (another version or processor?); results "
            "compare only with those on the same samples"
        )
    corpus.readers = {
        split: partial(_read, folder, split, task, unlike=split in unlike) for split in SPLITS
    }
    return corpus


def _made(task: str, progress: Progress) -> Path:
    parts = plan(task)
    folder = cache_root() / "corpora" / f"mini-{task}-{key(parts)[:16]}"
    if not (folder / CARD).exists():

        def waiting() -> None:
            progress.line(f"another process is generating corpus mini, {task}: waiting for it")

        with one_at_a_time(folder, waiting):
            if not (folder / CARD).exists():
                generate(task, parts, folder, progress)
    return folder


def _read(folder: Path, name: SplitName, task: TaskSpec, *, unlike: bool) -> Split:
    split = read_manifest(folder.resolve() / f"{name}.jsonl", task)
    if not unlike:
        return split
    notes = {**split.notes, "splits_unlike_pinned": 1}
    return Split(utterances=split.utterances, skipped=split.skipped, notes=notes)
