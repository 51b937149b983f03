from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.asr import ASR
from tasks.corpora import Corpus, Utterance
from tasks.corpora.subset import shots, subset
from tasks.corpora.units import read_units, units_line
from tasks.ic import IC
from tasks.ks import KS
from tasks.labels import Labels
from tasks.slot_text import slots_in, tagged_symbols
from tasks.spec import TaskSpec

characters = st.characters(codec="utf-8")
ids = st.text(characters, min_size=1, max_size=12).filter(
    lambda name: bool(name.strip()) and not set("|\r\n") & set(name) and name[0] != "\ufeff"
)
symbols = st.text(characters, min_size=1, max_size=5).filter(lambda s: s.split() == [s])
letters = characters.filter(lambda s: s.split() == [s])
texts = st.lists(letters, min_size=1, max_size=9).map(tuple)
units = st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=30)
answers = st.lists(st.tuples(st.sampled_from("abcd")), min_size=1, max_size=60)


def said(
    name: str, answer: Sequence[str], unit_ids: Sequence[int] = (0,), where: str = "here"
) -> Utterance:
    return Utterance(
        id=name, symbols=tuple(answer), units=np.array(unit_ids, dtype=np.int32), where=where
    )


def corpus_of(task: TaskSpec, answers: Sequence[tuple[str, ...]]) -> Corpus:
    utterances = [said(str(i), answer) for i, answer in enumerate(answers)]
    return Corpus.of("c", task, train=utterances, valid=utterances, test=utterances)


def written_lines(
    answer: st.SearchStrategy[tuple[str, ...]],
) -> st.SearchStrategy[list[tuple[str, list[int], tuple[str, ...]]]]:
    row = st.tuples(ids, units, answer)
    return st.lists(row, min_size=1, max_size=6, unique_by=lambda row: row[0])


@given(
    st.one_of(
        st.tuples(st.just(ASR), written_lines(texts)),
        st.tuples(st.just(IC), written_lines(st.tuples(symbols, symbols, symbols))),
    )
)
def test_units_lines_survive_writing_and_reading(
    tmp_path_factory: pytest.TempPathFactory,
    case: tuple[TaskSpec, list[tuple[str, list[int], tuple[str, ...]]]],
) -> None:
    task, rows = case
    written = [said(name, answer, unit_ids) for name, unit_ids, answer in rows]
    path: Path = tmp_path_factory.mktemp("units") / "train.txt"
    path.write_bytes("".join(units_line(u) + "\n" for u in written).encode("utf-8"))
    read = read_units(path, task).utterances
    assert [(u.id, u.symbols) for u in read] == [(u.id, u.symbols) for u in written]
    for one, other in zip(read, written, strict=True):
        np.testing.assert_array_equal(one.units, other.units)


@given(answers)
def test_label_ids_round_trip_for_one_label(rows: list[tuple[str]]) -> None:
    check_round_trip(KS, rows)


@given(st.lists(st.tuples(*[st.sampled_from("abc")] * 3), min_size=1, max_size=30))
def test_label_ids_round_trip_for_slots(rows: list[tuple[str, ...]]) -> None:
    check_round_trip(IC, rows)


@given(st.lists(texts, min_size=1, max_size=9))
def test_label_ids_round_trip_for_texts(rows: list[tuple[str, ...]]) -> None:
    check_round_trip(ASR, rows)


def check_round_trip(task: TaskSpec, rows: Sequence[tuple[str, ...]]) -> None:
    labels = Labels.from_training(task, [said(str(i), row) for i, row in enumerate(rows)])
    everything = [i for group in range(len(labels.groups)) for i in labels.group_ids(group)]
    assert everything == list(range(labels.n))
    for row in rows:
        assert labels.symbols(labels.ids(row)) == row
    assert sum(map(sum, labels.counts)) == sum(map(len, rows))
    for counts in labels.counts:
        assert list(counts) == sorted(counts, reverse=True)


@given(answers, st.integers(1, 12), st.integers(0, 3), st.integers(0, 99))
def test_shots_are_balanced_and_nested(
    rows: list[tuple[str]], k: int, more: int, seed: int
) -> None:
    corpus = corpus_of(KS, rows)
    few, many = shots(corpus, k, seed).train, shots(corpus, k + more, seed).train
    there = Counter(rows)
    assert Counter(u.symbols for u in few) == {c: min(k, n) for c, n in there.items()}
    assert {u.id for u in few} <= {u.id for u in many}


@given(answers, st.integers(0, 60), st.integers(0, 20), st.integers(0, 99))
def test_subsets_show_every_class_and_are_nested(
    rows: list[tuple[str]], extra: int, more: int, seed: int
) -> None:
    corpus = corpus_of(KS, rows)
    n = len(set(rows)) + extra
    small, large = subset(corpus, n, seed), subset(corpus, n + more, seed)
    assert len(small.train) == min(n, len(rows))
    small.labels_check()
    for split in ("train", "valid", "test"):
        assert {u.id for u in getattr(small, split)} <= {u.id for u in getattr(large, split)}
    drawn, there = Counter(u.symbols for u in small.train), Counter(rows)
    spread = [drawn[c] for c in there if drawn[c] < there[c]]
    assert not spread or max(drawn.values()) - min(spread) <= 1


slot_words = st.text(st.sampled_from("ab:;-BE"), min_size=1, max_size=6)


@given(st.lists(st.tuples(slot_words, st.none() | st.sampled_from(["x", "y", "xy"])), min_size=1))
def test_marked_slots_are_read_back(words: list[tuple[str, str | None]]) -> None:
    slots = [
        {"type": slot_type, "value": word, "start_word": i, "end_word": i + 1}
        for i, (word, slot_type) in enumerate(words)
        if slot_type
    ]
    marked = tagged_symbols(" ".join(word for word, _ in words), slots)
    read = slots_in(marked, without_inner_tags=True)
    assert [(slot.type, slot.value) for slot in read] == [(t, word) for word, t in words if t]
