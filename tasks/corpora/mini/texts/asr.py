"""Speech recognition: sentences of 4 to 10 words over a vocabulary of some 300."""

from __future__ import annotations

import re

from tasks.corpora.corpus import SplitName
from tasks.corpora.mini.draw import Draw, belongs_to
from tasks.corpora.mini.texts.saying import Saying, words_of

_LISTS = {
    "person": (
        "man woman boy girl child teacher doctor farmer driver sailor king queen painter singer "
        "student baker soldier nurse judge uncle brother sister mother father friend neighbor "
        "captain hunter writer cook"
    ),
    "animal": "dog cat horse bird cow sheep goat duck mouse rabbit fox wolf bear lion frog",
    "thing": (
        "book letter picture basket bottle box cup plate knife chair table lamp clock coat hat "
        "shoe key ball stone ring bag boat wagon bicycle paper pencil apple bread cake cheese "
        "soup flower blanket candle ladder hammer mirror pillow drum flag"
    ),
    "place": (
        "house garden kitchen street village forest river lake bridge market school church "
        "station office tower harbor island mountain field beach"
    ),
    "adjective": (
        "old young little big small tall happy sad tired hungry quiet brave clever lazy gentle "
        "angry strange famous poor rich"
    ),
    "quality": (
        "red green blue yellow white black brown heavy empty broken new dirty golden wooden round "
        "cheap soft warm cold"
    ),
    "did": (
        "found carried dropped painted bought sold washed opened moved lifted wanted needed "
        "remembered forgot noticed touched repaired hid lost kept"
    ),
    "met": "saw met followed helped called visited watched loved feared thanked",
    "went": "walked ran waited slept worked played stood sat danced returned traveled rested",
    "preposition": "near behind inside beside around outside beyond past",
    "when": "today yesterday tonight often always never again early late sometimes",
    "season": "summer winter spring morning evening night afternoon autumn",
    "number": "two three four five six seven eight nine ten twenty",
    "owner": "my your his her our their",
    "manner": "slowly quickly quietly suddenly carefully gladly",
    "weather": "rain snow wind storm fog sun",
}

WORDS = {kind: tuple(words.split()) for kind, words in _LISTS.items()}

PATTERNS = (
    "the {adjective} {person} {did} the {quality} {thing}",
    "{owner} {person} {did} a {thing} {preposition} the {place}",
    "the {person} and the {animal} {went} {preposition} the {place}",
    "a {adjective} {animal} {went} {manner} {preposition} the {place}",
    "{when} the {person} {met} {owner} {adjective} {friend}",
    "in the {season} the {weather} came from the {place}",
    "{number} {quality} {thing}s were {preposition} the {place}",
    "the {animal} {met} the {person} {preposition} the {quality} {place}",
    "{owner} {animal} {went} {when} in the {season}",
    "she gave the {thing} to the {adjective} {person}",
    "he {did} the {thing} and {went} {manner}",
    "we {met} a {adjective} {person} at the {place}",
    "they {did} {number} {thing}s in the {place}",
    "where is the {quality} {thing} of {owner} {person}",
    "why did the {person} leave the {place} {when}",
    "the {quality} {thing} is under the {thing2}",
    "the {person} {did} the {thing} and {went} {preposition} the {place}",
    "the {animal} {went} {manner}",
    "{owner} {thing} was {quality}",
    "we {did} the {thing} {when}",
    "who {met} the {adjective} {person}",
    "the {weather} came {when} in {season}",
    "i think the {person} has {owner} {thing}",
    "please put the {thing} {preposition} the {quality} {thing2}",
)

PER_SPEAKER: dict[SplitName, int] = {"train": 8, "valid": 5, "test": 8}

_NO_PLURAL = frozenset({"knife", "box", "bread", "cheese", "soup", "paper"})


def sayings(split: SplitName, speaker: str, index: int) -> list[Saying]:
    """A speaker's sentences, none of which stands in another split."""
    del index
    draw = Draw("asr", speaker)
    texts: list[str] = []
    while len(texts) < PER_SPEAKER[split]:
        text = sentence(draw)
        if belongs_to(text, split):
            texts.append(text)
    return [Saying(spoken=text, answer={"text": text}) for text in texts]


def sentence(draw: Draw) -> str:
    """A sentence of the grammar."""
    pattern = draw.choice(PATTERNS)
    values = {name: draw.choice(words) for name, words in WORDS.items()}
    values["thing2"] = draw.choice(WORDS["thing"])
    values["friend"] = draw.choice(WORDS["person"])
    while "{thing}s" in pattern and values["thing"] in _NO_PLURAL:
        values["thing"] = draw.choice(WORDS["thing"])
    return re.sub(r"\ba (?=[aeiou])", "an ", words_of(pattern, values))
