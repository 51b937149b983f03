"""Language identification over VoxForge's six languages.

Every speaker speaks all six, so neither voice nor room nor microphone says which it is.
"""

from __future__ import annotations

from tasks.corpora.corpus import SplitName
from tasks.corpora.mini.draw import Draw
from tasks.corpora.mini.texts.saying import Saying
from tasks.corpora.mini.texts.sentences import SENTENCES

PER_SPEAKER: dict[SplitName, int] = {"train": 6, "valid": 18, "test": 24}

PARTS: dict[SplitName, slice] = {
    "train": slice(0, 80),
    "valid": slice(80, 92),
    "test": slice(92, 124),
}
"""Which sentences of each language a split uses; in training nobody says what another one says."""
PRETRAINING = slice(0, 28)
"""Which of the training set's the embedded encoder and LM have read and heard."""


def sayings(split: SplitName, speaker: str, index: int) -> list[Saying]:
    """What a speaker says: the same number of sentences in every language, in any order."""
    each = PER_SPEAKER[split] // len(SENTENCES)
    said = []
    for language, sentences in SENTENCES.items():
        own = sentences[PARTS[split]]
        order = Draw("lid", split, language, index * each // len(own)).shuffled(own)
        said += [
            Saying(spoken=order[i % len(own)], answer={"label": language}, language=language)
            for i in range(index * each, index * each + each)
        ]
    return Draw("lid", speaker).shuffled(said)
