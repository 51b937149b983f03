"""From what a user types after `--corpus` to a corpus."""

from __future__ import annotations

from pathlib import Path

from bench.errors import DataError, MissingError, UnknownNameError, UsageError
from bench.progress import Progress
from tasks.corpora.corpus import SPLITS, Corpus
from tasks.corpora.manifest import open_manifest_folder
from tasks.corpora.registry import CORPORA
from tasks.corpora.units import open_units_folder
from tasks.readable import writable
from tasks.spec import TaskSpec


def open_corpus(
    name_or_path: str,
    task: TaskSpec,
    *,
    root: Path | None = None,
    progress: Progress | None = None,
) -> Corpus:
    """Opens a corpus; its splits are read when they are first used.

    A registered name wins over a folder of the same name (write `./name` for the folder). A
    folder with `train.txt` is a units folder, one with `train.jsonl` a manifest folder.

    Args:
        name_or_path: a registered name or a folder.
        task: the task its answers are for.
        root: where the files of a registered corpus lie.
        progress: shows the preparation of a registered corpus; None for nothing.

    Raises:
        UnknownNameError: if it is neither a registered name nor a folder.
        MissingError: if the path does not exist, is no folder or lacks a split.
        DataError: if the folder holds both kinds of corpus, its card is malformed, or its path
            is not UTF-8.
        UsageError: if the folder's card says it is for another task, or a root is given for it.
    """
    path = Path(name_or_path)
    for place in (path, *([root] if root else [])):
        writable(str(place.resolve()), "the path")
    written_as_path = "/" in name_or_path or "\\" in name_or_path or path.is_absolute()
    if not written_as_path:
        try:
            entry = CORPORA.get(name_or_path)
        except UnknownNameError:
            if not path.exists():
                raise
        else:
            return entry.load()(task, root, progress or Progress(quiet=True))
    if root is not None:
        raise UsageError(
            f"--root is where a registered corpus lies; {name_or_path} is a folder itself",
            hint=f"leave --root out, or name a corpus: {', '.join(CORPORA.names())}",
        )
    return _open_folder(path, task)


def _open_folder(folder: Path, task: TaskSpec) -> Corpus:
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "there is no such folder"
        raise MissingError(what, where=str(folder), hint="give a corpus folder or a name")
    has_units = (folder / "train.txt").exists()
    has_manifest = (folder / "train.jsonl").exists()
    if has_units and has_manifest:
        raise DataError(
            "holds both train.txt and train.jsonl",
            where=str(folder),
            hint="keep units and manifests in folders of their own",
        )
    if not has_units and not has_manifest:
        raise MissingError(
            "holds no train.txt (units) and no train.jsonl (manifest)", where=str(folder)
        )
    suffix = "txt" if has_units else "jsonl"
    absent = [f"{name}.{suffix}" for name in SPLITS if not (folder / f"{name}.{suffix}").is_file()]
    if absent:
        raise MissingError(
            f"lacks {', '.join(absent)}",
            where=str(folder),
            hint="a corpus has all three splits: train, valid and test",
        )
    return open_units_folder(folder, task) if has_units else open_manifest_folder(folder, task)
