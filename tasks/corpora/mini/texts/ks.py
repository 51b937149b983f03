"""Keyword spotting, as in Speech Commands: ten words, any other word, and silence."""

from __future__ import annotations

from tasks.corpora.corpus import SplitName
from tasks.corpora.mini.draw import Draw
from tasks.corpora.mini.texts.saying import Saying

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")

OTHER_WORDS = (
    *("bird", "cat", "house", "tree", "seven", "three", "five", "nine", "zero", "happy"),
    *("water", "green", "morning", "table", "follow", "learn", "window", "music", "paper"),
    *("summer", "silver", "doctor", "yellow", "monday", "garden", "orange", "winter", "picture"),
    *("moment", "forward", "visual", "lemon"),
)

PER_SPEAKER: dict[SplitName, int] = {"train": 12, "valid": 12, "test": 12}
"""One utterance of each label."""


def sayings(split: SplitName, speaker: str, index: int) -> list[Saying]:
    """What a speaker says: each command once, another word, and nothing."""
    del split
    draw = Draw("ks", speaker)
    other = OTHER_WORDS[(index + draw.below(3)) % len(OTHER_WORDS)]
    spoken = [*((word, word) for word in COMMANDS), (other, "unknown"), ("", "silence")]
    return [Saying(spoken=word, answer={"label": label}) for word, label in draw.shuffled(spoken)]
