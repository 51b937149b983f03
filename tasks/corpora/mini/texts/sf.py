"""Slot filling, as in SNIPS: requests with the words that matter marked."""

from __future__ import annotations

from typing import NamedTuple

from tasks.corpora.corpus import SplitName
from tasks.corpora.mini.draw import Draw, belongs_to
from tasks.corpora.mini.texts.saying import Saying


class Values(NamedTuple):
    """The values of a slot type: those that training shows, and those that it does not."""

    known: tuple[str, ...]
    unheard: tuple[str, ...] = ()


VALUES: dict[str, Values] = {
    "artist": Values(
        known=(
            *("john lennon", "nina simone", "the silver foxes", "maria lopez", "tom waits"),
            *("the blue notes", "anna stone", "the river band", "billy green", "ella brown"),
        ),
        unheard=("the green birds", "peter stone", "nina brown"),
    ),
    "genre": Values(
        known=("jazz", "rock", "blues", "classical", "folk", "soul", "country"),
        unheard=("disco",),
    ),
    "playlist": Values(
        known=("summer hits", "morning run", "dinner party", "road trip", "study time", "gym"),
        unheard=("evening run", "garden party"),
    ),
    "year": Values(
        known=("nineteen seventy", "nineteen eighty", "nineteen ninety", "two thousand"),
        unheard=("nineteen sixty",),
    ),
    "city": Values(
        known=(
            *("london", "paris", "berlin", "madrid", "rome", "chicago", "boston", "tokyo"),
            *("new york", "dublin", "vienna", "lisbon", "prague", "denver"),
        ),
        unheard=("oslo", "milan", "toronto"),
    ),
    "date": Values(
        known=(
            *("today", "tomorrow", "next week", "this weekend", "monday", "tuesday", "friday"),
            *("saturday", "next month"),
        ),
        unheard=("next monday", "this friday"),
    ),
    "time": Values(
        known=(
            *("noon", "seven o'clock", "eight o'clock", "midnight", "half past six", "nine thirty"),
            *("ten o'clock",),
        ),
        unheard=("half past seven", "eight thirty"),
    ),
    "weather": Values(
        known=("rain", "snow", "sunshine", "fog", "storms", "wind"),
        unheard=("clouds",),
    ),
    "cuisine": Values(
        known=("italian", "chinese", "indian", "french", "mexican", "thai", "greek"),
        unheard=("german", "korean"),
    ),
    "people": Values(known=("two", "three", "four", "five", "six", "eight", "ten")),
    "book": Values(
        known=(
            *("the last island", "winter garden", "a quiet man", "the iron door", "stone bridge"),
            *("the long summer", "seven letters"),
        ),
        unheard=("the last garden", "the iron bridge"),
    ),
    "stars": Values(known=("one", "two", "three", "four", "five")),
}
"""Slot types and what can fill them."""

PATTERNS = (
    "play {genre} music",
    "play some {genre} by {artist}",
    "play a song by {artist}",
    "i want to hear {artist} from {year}",
    "play music from {year}",
    "put on {artist}",
    "add {artist} to my {playlist} playlist",
    "add this song to {playlist}",
    "put this {genre} song on my {playlist} playlist",
    "play the playlist {playlist}",
    "what is the weather in {city}",
    "what is the weather in {city} {date}",
    "will there be {weather} in {city} {date}",
    "is there {weather} in {city}",
    "tell me if there will be {weather} {date}",
    "weather forecast for {city} at {time}",
    "book a table for {people}",
    "book a table for {people} at {time}",
    "book a {cuisine} restaurant in {city}",
    "find a {cuisine} restaurant for {people} people {date}",
    "i need a table in {city} {date} at {time}",
    "reserve a {cuisine} place for {people} {date}",
    "give {book} {stars} stars",
    "rate {book} {stars} out of five",
    "i would give {book} {stars} points",
    "find the book {book}",
    "wake me at {time} {date}",
)

PER_SPEAKER: dict[SplitName, int] = {"train": 9, "valid": 5, "test": 8}

UNHEARD_PERCENT = 30
"""How many values of validation and test are not in training."""


def sayings(split: SplitName, speaker: str, index: int) -> list[Saying]:
    """A speaker's requests, none of which stands in another split."""
    del index
    draw = Draw("sf", speaker)
    found: list[Saying] = []
    while len(found) < PER_SPEAKER[split]:
        saying = request(draw, unheard_percent=0 if split == "train" else UNHEARD_PERCENT)
        if belongs_to(saying.spoken, split):
            found.append(saying)
    return found


def request(draw: Draw, *, unheard_percent: int) -> Saying:
    """A request of the grammar, with its slots."""
    words: list[str] = []
    slots: list[dict[str, object]] = []
    for part in draw.choice(PATTERNS).split():
        if not part.startswith("{"):
            words.append(part)
            continue
        slot_type = part[1:-1]
        values = VALUES[slot_type]
        rare = bool(values.unheard) and draw.chance(unheard_percent)
        value = draw.choice(values.unheard if rare else values.known)
        start = len(words)
        words += value.split()
        slots.append(
            {"type": slot_type, "value": value, "start_word": start, "end_word": len(words)}
        )
    text = " ".join(words)
    return Saying(spoken=text, answer={"text": text, "slots": slots})
