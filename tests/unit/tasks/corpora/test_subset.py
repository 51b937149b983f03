from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from bench.errors import UsageError
from tasks.asr import ASR
from tasks.corpora import Corpus, Utterance
from tasks.corpora.split import Split
from tasks.corpora.subset import shots, subset
from tasks.ic import IC
from tasks.ks import KS
from tasks.spec import TaskSpec


def utterances(prefix: str, answers: Sequence[tuple[str, ...]]) -> list[Utterance]:
    units = np.zeros(1, np.int32)
    return [
        Utterance(id=f"{prefix}{i}", symbols=symbols, units=units, where=f"{prefix}:{i}")
        for i, symbols in enumerate(answers)
    ]


def corpus_of(task: TaskSpec, answers: Sequence[tuple[str, ...]]) -> Corpus:
    return Corpus.of(
        "c",
        task,
        train=utterances("train", answers),
        valid=utterances("valid", answers[:20]),
        test=utterances("test", answers[:40]),
    )


KS_ANSWERS = [("a",)] * 60 + [("b",)] * 30 + [("c",)] * 10


def ids(utterances: Sequence[Utterance]) -> list[str]:
    return [utterance.id for utterance in utterances]


def test_a_subset_is_balanced_and_the_rest_in_proportion() -> None:
    small = subset(corpus_of(KS, KS_ANSWERS), 50, seed=1)
    assert Counter(u.symbols for u in small.train) == {("a",): 20, ("b",): 20, ("c",): 10}
    assert (len(small.valid), len(small.test)) == (10, 20)
    assert ids(small.train) == sorted(ids(small.train), key=lambda name: int(name[5:]))


def test_subsets_are_nested_and_depend_on_the_seed() -> None:
    corpus = corpus_of(KS, KS_ANSWERS)
    small, large = subset(corpus, 10, seed=1), subset(corpus, 40, seed=1)
    for split in ("train", "valid", "test"):
        assert set(ids(getattr(small, split))) < set(ids(getattr(large, split)))
    assert ids(subset(corpus, 10, seed=1).train) == ids(small.train)
    assert ids(subset(corpus, 10, seed=2).train) != ids(small.train)
    prints = {c.fingerprint for c in (corpus, small, large, subset(corpus, 10, seed=2))}
    assert len(prints) == 4


def test_valid_and_test_never_vanish() -> None:
    small = subset(corpus_of(KS, KS_ANSWERS), 3, seed=1)
    assert (len(small.train), len(small.valid), len(small.test)) == (3, 1, 1)


def test_a_subset_of_everything_is_the_corpus() -> None:
    corpus = corpus_of(KS, KS_ANSWERS)
    assert subset(corpus, 100, seed=1) is corpus
    assert subset(corpus, 1000, seed=1) is corpus


@pytest.mark.parametrize("n", [-1, 0, 2])
def test_a_subset_too_small_for_its_classes_is_refused(n: int) -> None:
    with pytest.raises(UsageError, match=f"--subset {n} is too small") as caught:
        subset(corpus_of(KS, KS_ANSWERS), n, seed=1)
    assert "at least 3" in str(caught.value)


def test_a_subset_of_texts_shows_every_symbol_first() -> None:
    answers: list[tuple[str, ...]] = [("a", "b")] * 200 + [("x",), ("y",), ("z",)]
    corpus = corpus_of(ASR, answers)
    small = subset(corpus, 4, seed=1)
    assert {symbol for u in small.train for symbol in u.symbols} == {"a", "b", "x", "y", "z"}
    for n in (0, 3):
        with pytest.raises(UsageError, match=f"--subset {n} is too small") as caught:
            subset(corpus, n, seed=1)
        assert "at least 4" in str(caught.value)


def test_shots_take_k_of_every_class_and_leave_the_rest_whole() -> None:
    corpus = corpus_of(KS, KS_ANSWERS)
    few = shots(corpus, 5, seed=1)
    assert Counter(u.symbols for u in few.train) == {("a",): 5, ("b",): 5, ("c",): 5}
    assert few.valid is corpus.valid
    assert few.test is corpus.test
    assert few.fingerprint != corpus.fingerprint
    assert few.notes == {}


def test_shots_are_nested_and_depend_on_the_seed() -> None:
    corpus = corpus_of(KS, KS_ANSWERS)
    assert set(ids(shots(corpus, 5, 1).train)) < set(ids(shots(corpus, 10, 1).train))
    assert ids(shots(corpus, 5, 1).train) != ids(shots(corpus, 5, 2).train)


def test_a_class_below_k_keeps_all_it_has_and_is_counted() -> None:
    few = shots(corpus_of(KS, KS_ANSWERS), 20, seed=1)
    assert Counter(u.symbols for u in few.train) == {("a",): 20, ("b",): 20, ("c",): 10}
    assert few.notes == {"classes_below_shots": 1}


def test_a_class_of_ic_is_a_whole_answer() -> None:
    answers = [("on", "lamp", "hall")] * 9 + [("on", "lamp", "none")] * 9
    few = shots(corpus_of(IC, answers), 2, seed=1)
    assert Counter(u.symbols for u in few.train) == dict.fromkeys(set(answers), 2)


def test_texts_have_no_shots_and_zero_is_too_few() -> None:
    with pytest.raises(UsageError, match="asr has no classes"):
        shots(corpus_of(ASR, [("a",)] * 50), 5, seed=1)
    with pytest.raises(UsageError, match="--shots 0 is too small"):
        shots(corpus_of(KS, KS_ANSWERS), 0, seed=1)


def test_what_was_dropped_in_reading_stays_noted() -> None:
    corpus = corpus_of(KS, KS_ANSWERS)
    noted = Split(utterances=tuple(corpus.valid), notes={"repeated_lines_dropped": 4})
    corpus = Corpus(name="c", task=KS, readers={**corpus.readers, "valid": lambda: noted})
    small = subset(corpus, 10, seed=1)
    assert len(small.valid) == 2
    assert small.notes == {"repeated_lines_dropped": 4}
