from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.errors import DataError, MissingError
from bench.progress import Progress
from bench.speech.audio import content_key
from bench.speech.damaged import without_damage
from tasks.corpora.corpus import Corpus
from tasks.corpora.utterance import Utterance
from tasks.ks import KS

QUIET = Progress(quiet=True)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


def corpus_in(folder: Path) -> Corpus:
    folder.mkdir()
    said = []
    for i in range(24):
        audio = folder / f"{i}.wav"
        soundfile.write(audio, np.full(400 + i, 0.1), 16_000)
        said.append(Utterance(id=f"u{i}", symbols=("x",), audio=audio, where=f"f:{i}"))
    return Corpus.of("c", KS, train=said[:20], valid=said[20:22], test=said[22:])


def spoil(utterance: Utterance) -> None:
    utterance.audio_path().write_bytes(b"no sound")


def test_a_few_in_training_are_left_out_and_named(tmp_path: Path) -> None:
    corpus = corpus_in(tmp_path / "c")
    for i in (3, 4):
        spoil(corpus.train[i])
    for _ in range(2):  # the second time from the cache
        found = without_damage(corpus, QUIET)
        assert [u.id for u in found.train] == [f"u{i}" for i in range(20) if i not in (3, 4)]
        assert [name for name, _ in found.skipped] == ["u3", "u4"]
        assert all(what.startswith("cannot be decoded") for _, what in found.skipped)
        assert (found.valid, found.test) == (corpus.valid, corpus.test)


def test_what_is_wrong_holds_wherever_the_file_lies(tmp_path: Path) -> None:
    """It is cached by content, and read for other utterances in other places."""
    told = []
    for name in ("one", "two"):
        corpus = corpus_in(tmp_path / name)
        spoil(corpus.test[0])
        with pytest.raises(DataError, match=f"test set .*'u22': the audio .*/{name}/22") as caught:
            without_damage(corpus, QUIET)
        told.append(caught.value.message.replace(f"/{name}/", "/"))
    assert told[0] == told[1]


def test_many_are_an_error(tmp_path: Path) -> None:
    corpus = corpus_in(tmp_path / "c")
    for i in (3, 4, 5):
        spoil(corpus.train[i])
    with pytest.raises(DataError, match=r"f:3: 3 of 20 training .* 'u3': the audio .*3.wav cannot"):
        without_damage(corpus, QUIET)


def test_absent_audio(tmp_path: Path) -> None:
    corpus = corpus_in(tmp_path / "c")
    corpus.valid[1].audio_path().unlink()
    with pytest.raises(MissingError, match="'u21'"):
        without_damage(corpus, QUIET)


def test_a_corpus_is_its_audio_wherever_it_lies(tmp_path: Path) -> None:
    """A run whose files were exchanged or restored is another run."""
    here, there = corpus_in(tmp_path / "here"), corpus_in(tmp_path / "there")
    here.root, there.root = tmp_path / "here", tmp_path / "there"
    known = without_damage(here, QUIET)
    assert known.fingerprint == without_damage(there, QUIET).fingerprint != here.fingerprint
    soundfile.write(there.train[5].audio_path(), np.full(500, 0.2), 16_000)
    other = without_damage(there, QUIET)
    assert other.fingerprint != known.fingerprint
    assert other.data_fingerprint != known.data_fingerprint


def test_what_is_vouched_for_or_has_no_audio_stays_as_it_is(tmp_path: Path) -> None:
    corpus = corpus_in(tmp_path / "c")
    corpus.samples = "vouched for"
    assert without_damage(corpus, QUIET) is corpus
    units = [replace(u, audio=None, units=np.array([1], np.int32)) for u in corpus.train]
    plain = Corpus.of("u", KS, train=units, valid=units, test=units)
    assert without_damage(plain, QUIET) is plain


def test_bytes_are_hashed_once_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = corpus_in(tmp_path / "c")
    key = content_key(corpus.train)

    def again(path: Path) -> str:
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr("bench.speech.audio.sha256_of_file", again)
    assert content_key(corpus.train) == key
    monkeypatch.undo()
    soundfile.write(corpus.train[0].audio_path(), np.full(500, 0.2), 16_000)
    assert content_key(corpus.train) != key
