from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations

import pytest

from tasks.corpora.mini.plan import SAYINGS, Part, key, plan
from tasks.corpora.mini.speakers import VARIANTS
from tasks.corpora.mini.texts.asr import WORDS
from tasks.corpora.mini.texts.ic import INTENTS
from tasks.corpora.mini.texts.sf import VALUES
from tasks.registry import TASKS

PLANS = {task: plan(task) for task in SAYINGS}


def said(parts: tuple[Part, ...], split: str) -> list[str]:
    return [saying.spoken for part in parts if part.split == split for saying in part.sayings]


def answers(task: str, split: str) -> list[tuple[str, ...]]:
    spec = TASKS.get(task)
    return [
        spec.symbols_of(part.row(i))
        for part in PLANS[task]
        if part.split == split
        for i in range(len(part.sayings))
    ]


def test_nobody_speaks_in_two_splits() -> None:
    for a, b in combinations(VARIANTS.values(), 2):
        assert not {name.rstrip("0123456789") for name in a if len(name) > 2} & {
            name.rstrip("0123456789") for name in b if len(name) > 2
        }
        assert not set(a) & set(b)
    for parts in PLANS.values():
        splits = defaultdict(set)
        for part in parts:
            splits[part.speaker.variant].add(part.split)
            assert part.speaker.variant in VARIANTS[part.split]
        assert all(len(found) == 1 for found in splits.values())


@pytest.mark.parametrize("task", SAYINGS)
def test_every_label_is_trained(task: str) -> None:
    trained = {symbol for answer in answers(task, "train") for symbol in answer}
    for split in ("valid", "test"):
        assert {symbol for answer in answers(task, split) for symbol in answer} <= trained


@pytest.mark.parametrize("task", SAYINGS)
def test_ids_are_unique(task: str) -> None:
    ids = [name for part in PLANS[task] for name in part.ids()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("task", ["lid", "asr", "sf"])
def test_no_sentence_stands_in_two_splits(task: str) -> None:
    for a, b in combinations(("train", "valid", "test"), 2):
        assert not set(said(PLANS[task], a)) & set(said(PLANS[task], b))


def test_ks_is_balanced_and_every_speaker_says_every_command() -> None:
    counts = Counter(answers("ks", "train"))
    assert len(counts) == 12
    assert set(counts.values()) == {80}
    silent = [s for part in PLANS["ks"] for s in part.sayings if not s.spoken]
    assert {s.answer["label"] for s in silent} == {"silence"}


def test_ic_shows_every_intent_and_words_half_of_the_test_anew() -> None:
    for split in ("train", "valid", "test"):
        counts = Counter(answers("ic", split))
        assert set(counts) == {tuple(intent) for intent in INTENTS}
        assert max(counts.values()) - min(counts.values()) <= 1
    known = set(said(PLANS["ic"], "train")) | set(said(PLANS["ic"], "valid"))
    new = [text not in known for text in said(PLANS["ic"], "test")]
    assert 0.4 < sum(new) / len(new) < 0.65


def test_lid_speakers_speak_all_languages_equally() -> None:
    for part in PLANS["lid"]:
        counts = Counter(saying.language for saying in part.sayings)
        assert set(counts) == {"en", "es", "fr", "de", "ru", "it"}
        assert len(set(counts.values())) == 1


def test_lid_training_says_no_sentence_twice() -> None:
    texts = said(PLANS["lid"], "train")
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(("split", "n_sentences", "each"), [("valid", 72, 4), ("test", 192, 3)])
def test_lid_says_every_held_out_sentence_equally_often(
    split: str, n_sentences: int, each: int
) -> None:
    counts = Counter(said(PLANS["lid"], split))
    assert len(counts) == n_sentences
    assert set(counts.values()) == {each}


def test_asr_has_short_and_long_sentences_over_some_300_words() -> None:
    texts = said(PLANS["asr"], "train")
    assert {len(text.split()) for text in texts} == set(range(4, 11))
    assert 250 < len({word for text in texts for word in text.split()}) < 350
    assert not any(" a a" in f" {text}" or " a o" in f" {text}" for text in texts)
    assert set(WORDS["animal"]) <= {word for text in texts for word in text.split()}


def test_sf_hears_values_that_training_does_not_show() -> None:
    trained, tested = set(), []
    for part in PLANS["sf"]:
        for saying in part.sayings:
            slots = saying.answer["slots"]
            assert isinstance(slots, list)
            for slot in slots:
                pair = (slot["type"], slot["value"])
                if part.split == "train":
                    trained.add(pair)
                elif part.split == "test":
                    tested.append(pair)
    assert {slot_type for slot_type, _ in trained} == set(VALUES)
    assert len(VALUES) == 12
    assert 0.1 < sum(pair not in trained for pair in tested) / len(tested) < 0.4


def test_the_key_follows_whatever_is_said() -> None:
    parts = PLANS["ks"]
    assert key(parts) == key(plan("ks"))
    assert key(parts) != key(parts[:-1])
