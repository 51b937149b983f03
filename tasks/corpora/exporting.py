"""A corpus as a manifest folder of its own, audio included, for other toolkits and machines."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from bench.errors import UsageError
from bench.files import replace_folder
from bench.progress import Progress
from tasks.corpora.corpus import SPLITS, Corpus
from tasks.corpora.manifest import CARD
from tasks.corpora.utterance import Utterance


def export(corpus: Corpus, folder: Path, progress: Progress) -> None:
    """Copies card, manifests and audio; the new folder opens to the same corpus and fingerprint.

    Args:
        corpus: one that is read from manifests.
        folder: where to; not there yet, or empty. It is there whole or not at all.
        progress: shows a bar.

    Raises:
        UsageError: if the corpus holds units or audio from outside its folder, or the new folder
            holds something.
        MissingError: if an audio file is not there.
        StorageError: if it cannot be written.
    """
    root = corpus.root
    if root is None or not (root / CARD).is_file():
        raise UsageError(
            "only a corpus of audio can be exported", where=corpus.name, hint="copy its folder"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("is not empty", where=str(folder), hint="give a folder that is not there")
    files = [_inside(u, root) for name in SPLITS for u in corpus.split(name).utterances]
    what = f"exporting {corpus.name}, {corpus.task.name}"
    with replace_folder(folder) as new, progress.bar(len(files), what, "files") as bar:
        for path in dict.fromkeys(files):
            copy = new / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            bar.advance()
        for name in (*(f"{split}.jsonl" for split in SPLITS), CARD):
            shutil.copyfile(root / name, new / name)


def _inside(utterance: Utterance, root: Path) -> Path:
    """The utterance's audio, which has a place of its own in the new folder too."""
    path = utterance.audio_path()
    if not Path(os.path.normpath(path)).is_relative_to(root):
        raise UsageError(
            f"utterance {utterance.id!r}: the audio {path} lies outside the corpus's folder",
            where=utterance.where,
            hint="only what lies in the folder can be exported",
        )
    return path
