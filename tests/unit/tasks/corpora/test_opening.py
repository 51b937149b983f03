from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.errors import DataError, MissingError, UnknownNameError, UsageError
from bench.progress import Progress
from bench.registry import Registry
from tasks.corpora import Corpus, open_corpus, opening
from tasks.corpora.registry import CorpusEntry
from tasks.ks import KS
from tasks.spec import TaskSpec


def write_units(folder: Path) -> Path:
    folder.mkdir()
    for split in ("train", "valid", "test"):
        (folder / f"{split}.txt").write_text(f"{split}|1 2|yes\n")
    return folder


def test_a_folder_with_train_txt_is_a_units_folder(tmp_path: Path) -> None:
    corpus = open_corpus(str(write_units(tmp_path / "mine")), KS)
    assert corpus.name == "mine"
    assert [utterance.id for utterance in corpus.train] == ["train"]


def test_a_folder_in_reach_needs_no_slash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_units(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert open_corpus("mine", KS).name == "mine"


def _opener(task: TaskSpec, root: Path | None, progress: Progress) -> Corpus:
    assert progress.quiet
    return Corpus.of(f"registered at {root}", task, train=[], valid=[], test=[])


def test_a_registered_name_wins_over_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = CorpusEntry(path=f"{__name__}:opener", summary="mine", tasks=("ks",))
    monkeypatch.setitem(sys.modules, __name__, SimpleNamespace(opener=_opener))
    registry = Registry("corpus", {"mine": entry})
    monkeypatch.setattr(opening, "CORPORA", registry)
    write_units(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert open_corpus("mine", KS, root=Path("data")).name == "registered at data"
    assert open_corpus("./mine", KS).name == "mine"


def test_a_root_for_a_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_units(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "./mine"):
        with pytest.raises(UsageError, match="leave --root out"):
            open_corpus(name, KS, root=tmp_path)


def test_a_path_that_no_record_can_hold_is_refused(tmp_path: Path) -> None:
    folder = write_units(tmp_path / "caf\udce9")
    for name, root in ((str(folder), None), ("folders", folder)):
        with pytest.raises(DataError, match=r"caf\\udce9' cannot be written as UTF-8"):
            open_corpus(name, KS, root=root)


def test_nothing_is_read_before_it_is_used(tmp_path: Path) -> None:
    folder = write_units(tmp_path / "mine")
    (folder / "test.txt").write_text("broken\n")
    corpus = open_corpus(str(folder), KS)
    assert len(corpus.train) == 1
    with pytest.raises(DataError, match=r"test\.txt:1"):
        _ = corpus.test


def test_an_unknown_name_is_told_from_a_missing_path(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown corpus 'nosuch'"):
        open_corpus("nosuch", KS)
    with pytest.raises(MissingError, match="there is no such folder"):
        open_corpus(str(tmp_path / "nosuch"), KS)
    (tmp_path / "file").touch()
    with pytest.raises(MissingError, match="is a file, not a folder"):
        open_corpus(str(tmp_path / "file"), KS)


def test_a_missing_split_is_named(tmp_path: Path) -> None:
    folder = write_units(tmp_path / "mine")
    (folder / "valid.txt").unlink()
    with pytest.raises(MissingError, match=r"lacks valid\.txt"):
        open_corpus(str(folder), KS)


def test_a_folder_of_neither_or_both_kinds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"no train\.txt .* and no train\.jsonl"):
        open_corpus(str(tmp_path), KS)
    folder = write_units(tmp_path / "mine")
    (folder / "train.jsonl").touch()
    with pytest.raises(DataError, match="holds both"):
        open_corpus(str(folder), KS)
