from __future__ import annotations

import pytest

from bench.errors import DataError
from bench.speech.damaged import leave_out, refuse
from tasks.corpora.corpus import Corpus
from tasks.corpora.utterance import Utterance
from tasks.ks import KS


@pytest.fixture
def corpus() -> Corpus:
    said = [Utterance(id=f"u{i}", symbols=("x",), where=f"f:{i}") for i in range(20)]
    return Corpus.of("c", KS, train=said, valid=said[:1], test=said[:1])


def test_a_few_are_left_out_and_named_once(corpus: Corpus) -> None:
    damaged = [(corpus.train[i], "is empty") for i in (3, 4)]
    for _ in range(2):
        leave_out(corpus, damaged)
    assert corpus.skipped == [("u3", "is empty"), ("u4", "is empty")]


def test_many_are_an_error(corpus: Corpus) -> None:
    with pytest.raises(DataError, match=r"f:3: 3 of 20 training .* 'u3': is empty"):
        leave_out(corpus, [(corpus.train[i], "is empty") for i in (3, 4, 5)])
    assert corpus.skipped == []


def test_none_is_left_out_where_scores_are_made(corpus: Corpus) -> None:
    refuse("test", [])
    damaged = [(utterance, "is empty") for utterance in corpus.train[:7]]
    with pytest.raises(DataError, match=r"test set \('u0', .*'u4' and 2 more\): is empty"):
        refuse("test", damaged)
