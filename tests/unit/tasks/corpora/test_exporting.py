from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.progress import Progress
from tasks.corpora import open_corpus
from tasks.corpora.exporting import export
from tasks.ks import KS

QUIET = Progress(quiet=True)
CARD = {"name": "tiny", "version": "1", "licence": "CC0", "source": "made up", "task": "ks"}


def write_corpus(folder: Path, audio: str) -> Path:
    """Three utterances, one a split; the test utterance's audio lies where told."""
    (folder / "clips").mkdir(parents=True)
    (folder / "corpus.json").write_text(json.dumps(CARD))
    for split, place in (("train", "clips/a"), ("valid", "clips/b"), ("test", audio)):
        (folder / place).write_text(split)
        row = {"id": split, "audio": place, "label": "yes"}
        (folder / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    return folder


def test_audio_outside_the_folder_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    corpus = open_corpus(str(write_corpus(tmp_path / "there" / "c", "../outside")), KS)
    (tmp_path / "outside").write_text("mine")
    with pytest.raises(UsageError, match=r"test\.jsonl:1: utterance 'test': .*outside"):
        export(corpus, tmp_path / "out", QUIET)
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "outside").read_text() == "mine"


def test_a_way_round_that_stays_in_the_folder_is_kept(tmp_path: Path) -> None:
    corpus = open_corpus(str(write_corpus(tmp_path / "c", "clips/../d")), KS)
    export(corpus, tmp_path / "out", QUIET)
    exported = open_corpus(str(tmp_path / "out"), KS)
    assert exported.fingerprint == corpus.fingerprint
    assert exported.test[0].audio_path().read_text() == "test"
