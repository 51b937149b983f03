"""The splits of a corpus as a downstream model reads them, and what becomes of damaged audio."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import numpy as np

from baselines.fitting import Indices
from baselines.inputs import Inputs
from bench.speech.damaged import leave_out, refuse
from tasks.corpora.corpus import Corpus
from tasks.corpora.utterance import Utterance


class Split(Inputs, Protocol):
    """The utterances of a split: features of a frozen upstream, or waveforms for a trained one."""

    @property
    def damage(self) -> Mapping[int, str]:
        """What is wrong with the audio of an utterance, by its index."""
        ...


Read = Callable[[Sequence[Utterance]], Split]
Name = Literal["train", "valid", "test"]


class TrainingSplits(NamedTuple):
    """What training needs.

    Attributes:
        train: the training set.
        valid: the validation set, nothing of it damaged.
        usable: indices of the training utterances that are not damaged.
    """

    train: Split
    valid: Split
    usable: Indices


def read_for_training(
    corpus: Corpus, read: Read, order: Sequence[Name] = ("test", "valid", "train")
) -> TrainingSplits:
    """Reads all splits; the test set too, so that damage there is known before any training.

    Damaged training utterances are left out and noted in the corpus.

    Args:
        corpus: of audio.
        read: reads a split.
        order: in which they are read.

    Raises:
        DataError: if validation or test audio is damaged, or much of the training audio.
        MissingError: if an audio file is absent.
    """
    found: dict[Name, Split] = {}
    for name in order:
        utterances = getattr(corpus, name)
        found[name] = read(utterances)
        damaged = _damaged(utterances, found[name])
        if name == "train":
            leave_out(corpus, damaged)
        else:
            refuse(name, damaged)
    train = found["train"]
    usable = np.array([i for i in range(len(train.sizes)) if i not in train.damage], np.int64)
    return TrainingSplits(train, found["valid"], usable)


def read_test(read: Read, utterances: Sequence[Utterance]) -> Split:
    """Reads utterances to answer.

    Raises:
        DataError: if audio is damaged.
    """
    found = read(utterances)
    refuse("test", _damaged(utterances, found))
    return found


def _damaged(utterances: Sequence[Utterance], split: Split) -> list[tuple[Utterance, str]]:
    return [(utterances[index], reason) for index, reason in sorted(split.damage.items())]
