"""Corpora: utterances with their answers, read from folders and checked line by line."""

from __future__ import annotations

from tasks.corpora.corpus import Corpus
from tasks.corpora.opening import open_corpus
from tasks.corpora.utterance import Utterance

__all__ = ["Corpus", "Utterance", "open_corpus"]
