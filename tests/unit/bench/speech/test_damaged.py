from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import DataError, MissingError
from bench.speech.damaged import audio_or_damage, leave_out, refuse
from tasks.corpora.corpus import Corpus
from tasks.corpora.utterance import Utterance
from tasks.ks import KS


@pytest.fixture
def corpus() -> Corpus:
    said = [
        Utterance(id=f"u{i}", symbols=("x",), audio=Path(f"{i}.wav"), where=f"f:{i}")
        for i in range(20)
    ]
    return Corpus.of("c", KS, train=said, valid=said[:1], test=said[:1])


def test_a_few_are_left_out_and_named_once(corpus: Corpus) -> None:
    damaged = [(corpus.train[i], "is empty") for i in (3, 4)]
    for _ in range(2):
        leave_out(corpus, damaged)
    assert corpus.skipped == [("u3", "is empty"), ("u4", "is empty")]


def test_many_are_an_error(corpus: Corpus) -> None:
    with pytest.raises(DataError, match=r"f:3: 3 of 20 training .* 'u3': the audio 3.wav is empty"):
        leave_out(corpus, [(corpus.train[i], "is empty") for i in (3, 4, 5)])
    assert corpus.skipped == []


def test_none_is_left_out_where_scores_are_made(corpus: Corpus) -> None:
    refuse("test", [])
    damaged = [(utterance, "is empty") for utterance in corpus.train[:7]]
    with pytest.raises(
        DataError, match=r"test set \('u0', .*'u4' and 2 more\): .*'u0': the audio 0.wav is empty"
    ):
        refuse("test", damaged)


def test_what_is_wrong_holds_wherever_the_file_lies(tmp_path: Path) -> None:
    """It is cached by content, and read for other utterances in other places."""
    found = []
    for name in ("one.wav", "two.wav"):
        audio = tmp_path / name
        audio.write_bytes(b"no sound")
        found.append(audio_or_damage(Utterance(id=name, symbols=("x",), audio=audio, where="f:1")))
    first, second = found
    assert isinstance(first, str)
    assert first.startswith("cannot be decoded: ")
    assert first == second


def test_absent_audio_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no audio"):
        audio_or_damage(Utterance(id="u", symbols=("x",), where="f:1"))
    gone = Utterance(id="u", symbols=("x",), audio=tmp_path / "no.wav", where="f:1")
    with pytest.raises(MissingError):
        audio_or_damage(gone)
