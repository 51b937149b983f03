from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bench.errors import DataError
from tasks.asr import ASR
from tasks.corpora import Corpus, Utterance
from tasks.corpora.corpus import SplitName
from tasks.corpora.split import Split
from tasks.ic import IC
from tasks.ks import KS


def said(*symbols: str, name: str = "u", units: Sequence[int] = (1, 2)) -> Utterance:
    return Utterance(
        id=name, symbols=symbols, units=np.array(units, dtype=np.int32), where=f"f.txt:{name}"
    )


def corpus_of(*train: Utterance, test: Sequence[Utterance] = ()) -> Corpus:
    return Corpus.of("c", KS, train=train, valid=[], test=test)


def test_a_split_is_read_once_and_its_notes_are_kept() -> None:
    reads: list[str] = []

    def read(name: SplitName) -> Split:
        reads.append(name)
        return Split(utterances=(said("a"),), skipped=(("x", "broken"),), notes={"odd": 2})

    corpus = Corpus(
        name="c",
        task=KS,
        readers={
            "train": lambda: read("train"),
            "valid": lambda: read("valid"),
            "test": lambda: read("test"),
        },
    )
    assert (reads, corpus.notes, corpus.skipped) == ([], {}, [])
    assert corpus.train is corpus.train
    assert reads == ["train"]
    assert len(corpus.fingerprint) == 64
    assert corpus.fingerprint == corpus.fingerprint
    assert reads == ["train", "valid", "test"]
    assert corpus.notes == {"odd": 6}
    assert corpus.skipped == [("x", "broken")] * 3


def test_n_units_counts_every_split() -> None:
    assert corpus_of(said("a", units=[3]), test=[said("a", units=[9, 0])]).n_units == 10


def test_the_fingerprint_sees_content_order_and_split() -> None:
    a, b = said("a", name="a"), said("b", name="b")
    same = said("a", name="a")
    prints = [
        corpus.fingerprint
        for corpus in (
            corpus_of(a, b),
            corpus_of(b, a),
            corpus_of(a, test=[b]),
            corpus_of(said("a", name="a", units=[1, 3]), b),
            corpus_of(said("c", name="a"), b),
            corpus_of(said("a", name="c"), b),
        )
    ]
    assert len(set(prints)) == len(prints)
    assert corpus_of(same, b).fingerprint == prints[0]


def test_labels_unseen_in_training_are_listed_at_the_first() -> None:
    corpus = corpus_of(
        said("a"), test=[said("a"), said("z", name="3"), said("y", name="4"), said("z", name="5")]
    )
    with pytest.raises(DataError, match=r"f\.txt:3: utterance '3': .* training: 'y', 'z'"):
        corpus.labels_check()
    corpus_of(said("a"), said("b"), test=[said("b")]).labels_check()


def test_a_label_of_another_slot_counts_as_unseen() -> None:
    train = [said("on", "lamp", "hall")]
    corpus = Corpus.of("c", IC, train=train, valid=[said("on", "hall", "hall")], test=[])
    with pytest.raises(DataError, match=r"'hall' \(object\)"):
        corpus.labels_check()


def test_a_symbol_of_a_text_may_stand_anywhere() -> None:
    corpus = Corpus.of("c", ASR, train=[said("a", "b")], valid=[said("b", "a", "a")], test=[])
    corpus.labels_check()


def test_units_cannot_be_listened_to() -> None:
    with pytest.raises(DataError, match="has units but no audio"):
        said("a").audio_path()
