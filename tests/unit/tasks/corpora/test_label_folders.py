from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.errors import DataError, MissingError, UsageError
from bench.progress import Progress
from tasks.asr import ASR
from tasks.corpora import Corpus, open_corpus
from tasks.corpora.label_folders import group_of, open_label_folders, split_of
from tasks.ks import KS
from tasks.lid import LID

QUIET = Progress(quiet=True)


def make(root: Path, labels: tuple[str, ...] = ("yes", "no"), n: int = 10) -> Path:
    for label in (*labels, "_background_noise_"):
        (root / label).mkdir(parents=True)
        for i in range(n):
            (root / label / f"{i:02}_nohash_0.flac").touch()
    return root


def splits(corpus: Corpus) -> dict[str, set[str]]:
    return {
        name: {u.id for u in corpus.split(name).utterances} for name in ("train", "valid", "test")
    }


def test_a_group_lies_in_one_split_for_all_labels(tmp_path: Path) -> None:
    corpus = open_corpus("folders", KS, root=make(tmp_path / "words"))
    assert corpus.name == "words"
    found = splits(corpus)
    assert [len(found[name]) for name in ("train", "valid", "test")] == [12, 4, 4]
    groups = {name: {i.partition("/")[2] for i in ids} for name, ids in found.items()}
    assert len(groups["train"] | groups["valid"] | groups["test"]) == 10
    assert sum(map(len, groups.values())) == 10
    first = corpus.train[0]
    assert first.audio == tmp_path / "words" / first.id
    assert first.symbols == (first.id.partition("/")[0],)
    assert {u.symbols[0] for u in corpus.train} == {"yes", "no"}


def test_the_split_is_the_same_everywhere_and_moving_changes_nothing(tmp_path: Path) -> None:
    here = open_corpus("folders", LID, root=make(tmp_path / "here"))
    prints = here.fingerprint
    (tmp_path / "here").rename(tmp_path / "there")
    assert open_corpus("folders", LID, root=tmp_path / "there").fingerprint == prints
    assert split_of({f"{i:02}" for i in range(5)}) == {
        "00": "train",
        "01": "train",
        "02": "train",
        "03": "test",
        "04": "valid",
    }


def test_groups(tmp_path: Path) -> None:
    assert group_of(Path("yes/0a7c2a8d_nohash_1.wav")) == "0a7c2a8d"
    assert group_of(Path("yes/talk_3.wav")) == "yes/talk_3"
    root = tmp_path / "sc"
    for i in range(4):
        for label in ("a", "b"):
            (root / label).mkdir(parents=True, exist_ok=True)
            (root / label / f"0a7c2a8{i}_nohash_0.wav").touch()
    speakers = {u.speaker for u in open_corpus("folders", KS, root=root).train}
    assert all(speaker and speaker.startswith("0a7c2a8") for speaker in speakers)
    assert open_corpus("folders", KS, root=make(tmp_path / "x")).train[0].speaker is None


def test_what_is_no_such_corpus(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs --root"):
        open_label_folders(KS, None, QUIET)
    with pytest.raises(UsageError, match="for ks and lid, not asr"):
        open_label_folders(ASR, tmp_path, QUIET)
    with pytest.raises(MissingError, match="no such folder"):
        open_label_folders(KS, tmp_path / "no", QUIET)
    with pytest.raises(DataError, match="1 labels and 10 groups"):
        open_label_folders(KS, make(tmp_path / "one", ("yes",)), QUIET)
    with pytest.raises(DataError, match="2 labels and 2 groups"):
        open_label_folders(KS, make(tmp_path / "few", n=2), QUIET)


def test_names_that_no_answer_can_have(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'yes ' begins or ends with blanks") as caught:
        open_label_folders(KS, make(tmp_path / "blank", ("yes", "yes ")), QUIET)
    assert caught.value.where == str(tmp_path / "blank")
    for place in (b"caf\xe9/1.wav", b"yes/\xe9.wav"):
        root = make(tmp_path / place.hex())
        file = Path(os.fsdecode(os.fsencode(root) + b"/" + place))
        file.parent.mkdir(exist_ok=True)
        file.touch()
        with pytest.raises(DataError, match=r"\\udce9.* cannot be written as UTF-8") as caught:
            open_label_folders(KS, root, QUIET)
        assert caught.value.where == str(root)
