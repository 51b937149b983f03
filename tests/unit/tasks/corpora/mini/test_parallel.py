from __future__ import annotations

import hashlib
import json
from collections import Counter

import pytest

from tasks.corpora.mini.parallel import About, words_and_voice
from tasks.corpora.mini.plan import plan
from tasks.corpora.mini.texts.common_words import COMMON_WORDS
from tasks.corpora.mini.texts.lid import PARTS
from tasks.corpora.mini.texts.sentences import SENTENCES


def words(text: str) -> set[str]:
    return {word.strip(".,?¿!¡").lower() for word in text.split()}


@pytest.mark.parametrize("about", ["tasks", "languages"])
def test_no_sentence_of_another_split_is_said(about: About) -> None:
    said = {words_and_voice(i, about)[0] for i in range(5000)}
    for task in ("ic", "lid", "asr", "sf"):
        for part in plan(task):
            if part.split == "train" or task == "ic":
                continue
            sentences = {saying.spoken for saying in part.sayings if len(saying.spoken.split()) > 2}
            assert not said & sentences


def test_languages_are_said_equally_and_without_words_of_unheard_sentences() -> None:
    said = [words_and_voice(i, "languages") for i in range(6000)]
    counts = Counter(voice for _, voice in said)
    assert set(counts) == set(SENTENCES) == set(COMMON_WORDS)
    assert all(900 < count < 1100 for count in counts.values())
    for language, sentences in SENTENCES.items():
        spoken = {word for text, voice in said if voice == language for word in words(text)}
        heard = {word for sentence in sentences[PARTS["train"]] for word in words(sentence)}
        unheard = {word for sentence in sentences for word in words(sentence)} - heard
        existing = spoken & ({*COMMON_WORDS[language]} | heard)
        assert len(existing) > 500  # most of those there are
        # Words that do not exist are strings of letters; a short one may happen to be one of these.
        assert all(len(word) < 6 for word in spoken & unheard)
    assert [words_and_voice(i, "languages") for i in range(50)] == said[:50]


def test_the_recipe_says_what_the_embedded_gslm_has_heard() -> None:
    said = [words_and_voice(i, about) for about in ("languages", "tasks") for i in range(3000)]
    digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()
    assert digest == "89ce2c322f884555392d1874abc11fd3eaff9dde935cf0d3d4cd223fefeb5292"
