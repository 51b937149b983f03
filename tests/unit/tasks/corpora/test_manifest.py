from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.errors import DataError, MissingError, UsageError
from tasks.asr import ASR
from tasks.corpora import open_corpus
from tasks.corpora.manifest import read_card, read_manifest
from tasks.ic import IC
from tasks.ks import KS
from tasks.spec import TaskSpec

CARD = {"name": "tiny", "version": "1", "licence": "CC0", "source": "made up", "task": "ks"}
ROW: dict[str, Any] = {"id": "a", "audio": "clips/a.wav", "label": "yes"}


def write(folder: Path, *rows: object) -> Path:
    path = folder / "train.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_corpus(folder: Path, card: object = CARD) -> Path:
    folder.mkdir()
    (folder / "corpus.json").write_text(json.dumps(card))
    for i, split in enumerate(("train", "valid", "test")):
        (folder / f"{split}.jsonl").write_text(json.dumps(ROW | {"id": f"{i}"}) + "\n")
    return folder


def test_a_row_becomes_an_utterance(tmp_path: Path) -> None:
    row = ROW | {"start_s": 1, "end_s": 2.5, "speaker": "s1", "language": "lt"}
    (utterance,) = read_manifest(write(tmp_path, row), KS).utterances
    assert utterance.audio == tmp_path / "clips" / "a.wav"
    assert (utterance.start_s, utterance.end_s) == (1.0, 2.5)
    assert (utterance.speaker, utterance.language) == ("s1", "lt")
    assert (utterance.symbols, utterance.units) == (("yes",), None)
    assert utterance.where == f"{tmp_path / 'train.jsonl'}:1"


@pytest.mark.parametrize(
    ("row", "task", "why"),
    [
        ("", KS, "empty line"),
        ("{", KS, "not JSON"),
        ("[" * 100_000, KS, "not JSON"),
        ("[1]", KS, "not a JSON object"),
        ({"audio": "a.wav", "label": "x"}, KS, "no `id`"),
        ({"id": "b", "label": "x"}, KS, "no `audio`"),
        ({"id": "b", "audio": "b.wav"}, KS, "no `label`, which ks needs"),
        ({"id": "b", "audio": "b.wav", "label": "x"}, IC, "no `labels`, which ic needs"),
        (ROW | {"id": 7}, KS, "`id` must be a non-empty string, not 7"),
        (ROW | {"audio": "/b.wav"}, KS, "absolute path"),
        (ROW | {"strat_s": 1}, KS, "unknown field 'strat_s'"),
        (ROW | {"start_s": "1"}, KS, "`start_s` must be a number"),
        (ROW | {"start_s": True}, KS, "`start_s` must be a number"),
        (ROW | {"start_s": -1}, KS, "from 0 up"),
        (ROW | {"end_s": float("nan")}, KS, "from 0 up"),
        (ROW | {"start_s": 2, "end_s": 2}, KS, "does not come after"),
        (ROW | {"end_s": 0}, KS, "does not come after"),
        (ROW | {"speaker": ""}, KS, "`speaker` must be"),
        (ROW | {"label": "yes "}, KS, "`label`: 'yes ' begins or ends with blanks"),
        (ROW | {"labels": ["a", " b", "c"]}, IC, "`labels`: ' b' begins or ends with blanks"),
        (ROW | {"id": "a\ud83d"}, KS, r"`id`: 'a\\ud83d' cannot be written as UTF-8"),
        (ROW | {"audio": "\udce9.wav"}, KS, "`audio`: .* cannot be written"),
        (ROW | {"speaker": "\ud83d"}, KS, "`speaker`: .* cannot be written"),
        (ROW | {"label": "\ud83d"}, KS, "`label`: .* cannot be written"),
        (ROW | {"text": "a \ud83d"}, ASR, "`text` .* cannot be written"),
        (ROW | {"label": "no"}, KS, "another content"),
        (ROW | {"speaker": "other"}, KS, "another content"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: object, task: TaskSpec, why: str) -> None:
    first = ROW if task is KS else ROW | {"labels": ["a", "b", "c"], "text": "a"}
    path = write(tmp_path, first, row)
    with pytest.raises(DataError, match=why) as caught:
        read_manifest(path, task)
    assert caught.value.where == f"{path}:2"


def test_a_misspelled_field_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="did you mean 'start_s'"):
        read_manifest(write(tmp_path, ROW | {"strat_s": 1}), KS)


def test_repeated_rows_are_dropped_and_counted(tmp_path: Path) -> None:
    split = read_manifest(write(tmp_path, ROW, ROW), KS)
    assert len(split.utterances) == 1
    assert split.notes == {"repeated_lines_dropped": 1}


def test_audio_is_looked_for_when_it_is_asked_for(tmp_path: Path) -> None:
    (utterance,) = read_manifest(write(tmp_path, ROW), KS).utterances
    with pytest.raises(MissingError, match=r"train\.jsonl:1: utterance 'a': .*clips/a\.wav"):
        utterance.audio_path()
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.wav").touch()
    assert utterance.audio_path() == tmp_path / "clips" / "a.wav"


def test_a_manifest_folder_opens_under_its_own_name(tmp_path: Path) -> None:
    corpus = open_corpus(str(write_corpus(tmp_path / "folder")), KS)
    assert corpus.name == "tiny"
    assert [len(s) for s in (corpus.train, corpus.valid, corpus.test)] == [1, 1, 1]
    assert corpus.n_units is None


def test_moving_a_corpus_keeps_its_fingerprint(tmp_path: Path) -> None:
    here = open_corpus(str(write_corpus(tmp_path / "here")), KS).fingerprint
    (tmp_path / "here").rename(tmp_path / "there")
    assert open_corpus(str(tmp_path / "there"), KS).fingerprint == here


def test_the_card_must_be_there_and_whole(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "c", {"name": "x"})
    with pytest.raises(DataError, match=r"corpus\.json: no `version`"):
        open_corpus(str(folder), KS)
    (folder / "corpus.json").write_text("{")
    with pytest.raises(DataError, match="Invalid JSON"):
        open_corpus(str(folder), KS)
    (folder / "corpus.json").unlink()
    with pytest.raises(MissingError, match=r"corpus\.json: cannot be read"):
        open_corpus(str(folder), KS)


def test_an_unknown_field_of_the_card_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "corpus.json"
    path.write_text(json.dumps(CARD | {"license": "x"}))
    with pytest.raises(DataError, match="unknown field 'license'") as refusal:
        read_card(path)
    assert refusal.value.hint == "did you mean 'licence'?"
    path.write_text(json.dumps(CARD | {"version": 1}))
    with pytest.raises(DataError, match=r"`version`: .* string"):
        read_card(path)


def test_a_corpus_of_another_task_is_refused(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "c")
    with pytest.raises(UsageError, match="corpus for ks, not for ic"):
        open_corpus(str(folder), IC)
