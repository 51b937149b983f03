"""Intent classification, as in Fluent Speech Commands: an action on an object at a location."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tasks.corpora.corpus import SplitName
from tasks.corpora.mini.draw import Draw
from tasks.corpora.mini.texts.saying import Saying, words_of


class Intent(NamedTuple):
    """What is wanted."""

    action: str
    object: str
    location: str


class Wording(NamedTuple):
    """How an action on an object can be said; `{at}` is the place, which may be nowhere."""

    known: tuple[str, ...]
    unheard: tuple[str, ...]


PLACES = {
    "none": ("",),
    "kitchen": ("in the kitchen",),
    "bedroom": ("in the bedroom", "in my bedroom"),
    "bathroom": ("in the bathroom",),
    "garden": ("in the garden", "outside in the garden"),
}

_LIT = ("none", "kitchen", "bedroom", "bathroom", "garden")
_HEATED = ("none", "kitchen", "bedroom", "bathroom")
_HERE = ("none",)

WORDINGS: dict[tuple[str, str], tuple[tuple[str, ...], Wording]] = {
    ("activate", "lights"): (
        _LIT,
        Wording(
            known=(
                "turn on the lights {at}",
                "switch the lights on {at}",
                "lights on {at}",
                "it is too dark {at}",
                "turn the lights on {at} please",
            ),
            unheard=("switch on the lights {at}", "please turn on the lights {at}"),
        ),
    ),
    ("deactivate", "lights"): (
        _LIT,
        Wording(
            known=(
                "turn off the lights {at}",
                "switch the lights off {at}",
                "lights off {at}",
                "it is too bright {at}",
                "turn the lights off {at} please",
            ),
            unheard=("switch off the lights {at}", "please turn off the lights {at}"),
        ),
    ),
    ("increase", "heat"): (
        _HEATED,
        Wording(
            known=(
                "turn up the heat {at}",
                "make it warmer {at}",
                "increase the temperature {at}",
                "it is too cold {at}",
                "turn the heat up {at}",
            ),
            unheard=("turn the temperature up {at}", "increase the heat {at}"),
        ),
    ),
    ("decrease", "heat"): (
        _HEATED,
        Wording(
            known=(
                "turn down the heat {at}",
                "make it cooler {at}",
                "decrease the temperature {at}",
                "it is too warm {at}",
                "turn the heat down {at}",
            ),
            unheard=("turn the temperature down {at}", "decrease the heat {at}"),
        ),
    ),
    ("increase", "volume"): (
        _HERE,
        Wording(
            known=("turn up the volume", "make it louder", "volume up", "it is too quiet"),
            unheard=("turn the volume up", "increase the volume"),
        ),
    ),
    ("decrease", "volume"): (
        _HERE,
        Wording(
            known=("turn down the volume", "make it quieter", "volume down", "it is too loud"),
            unheard=("turn the volume down", "decrease the volume"),
        ),
    ),
    ("activate", "music"): (
        _HERE,
        Wording(
            known=("play some music", "turn on the music", "start the music", "music please"),
            unheard=("switch on the music", "play the music please"),
        ),
    ),
    ("deactivate", "music"): (
        _HERE,
        Wording(
            known=("stop the music", "turn off the music", "no more music", "music off"),
            unheard=("switch off the music", "please stop the music"),
        ),
    ),
    ("activate", "lamp"): (
        _HERE,
        Wording(
            known=("turn on the lamp", "lamp on", "switch the lamp on", "light the lamp"),
            unheard=("switch on the lamp", "turn the lamp on please"),
        ),
    ),
    ("deactivate", "lamp"): (
        _HERE,
        Wording(
            known=("turn off the lamp", "lamp off", "switch the lamp off", "put out the lamp"),
            unheard=("switch off the lamp", "turn the lamp off please"),
        ),
    ),
    ("bring", "newspaper"): (
        _HERE,
        Wording(
            known=("bring me the newspaper", "get me the newspaper", "fetch the newspaper"),
            unheard=("please bring the newspaper", "get the newspaper"),
        ),
    ),
    ("bring", "juice"): (
        _HERE,
        Wording(
            known=("bring me some juice", "get me some juice", "fetch the juice"),
            unheard=("please bring the juice", "get the juice"),
        ),
    ),
    ("bring", "socks"): (
        _HERE,
        Wording(
            known=("bring me my socks", "get me my socks", "fetch the socks"),
            unheard=("please bring my socks", "get the socks"),
        ),
    ),
}
"""For each action and object: where it can be, and how it is said."""

INTENTS = tuple(
    Intent(action, thing, place)
    for (action, thing), (places, _) in WORDINGS.items()
    for place in places
)

PER_SPEAKER: dict[SplitName, int] = {"train": 10, "valid": 10, "test": 12}


def sayings(split: SplitName, speaker: str, index: int) -> list[Saying]:
    """What a speaker asks for; every other request of the test set is worded as none before."""
    n = PER_SPEAKER[split]
    wanted = list(_in_turns(split, index * n, n))
    return [_request(split, speaker, i, intent) for i, intent in enumerate(wanted)]


def _in_turns(split: SplitName, start: int, n: int) -> Iterator[Intent]:
    """Intents in a shuffled order that goes round, so that all come equally often."""
    for i in range(start, start + n):
        lap, place = divmod(i, len(INTENTS))
        yield Draw("ic", "order", split, lap).shuffled(INTENTS)[place]


def _request(split: SplitName, speaker: str, i: int, intent: Intent) -> Saying:
    draw = Draw("ic", speaker, i)
    wording = WORDINGS[intent.action, intent.object][1]
    unheard = split == "test" and i % 2 == 1
    pattern = draw.choice(wording.unheard if unheard else wording.known)
    text = words_of(pattern, {"at": draw.choice(PLACES[intent.location])})
    return Saying(spoken=text, answer={"labels": list(intent)})
