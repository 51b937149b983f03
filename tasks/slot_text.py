"""SUPERB's slot text: `B-city paris E-city` inside a sentence, as symbols, and its slots.

The symbols are s3prl's: a tag touches the characters of its value, words are parted by `|`.
Reading works on symbols and not on text, so that a value may hold any character, `:` and `;` and
a word such as `E-mail` included.

Source: SUPERB (Yang et al. 2021); s3prl 0.4.18, CharacterSlotTokenizer and metric/slot_filling.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from bench.errors import DataError
from tasks.readable import writable
from tasks.spelling import SPACE, is_tag, spell


class Slot(NamedTuple):
    """A slot that a text mentions."""

    type: str
    value: str


class _Span(NamedTuple):
    start: int
    end: int
    type: str


class _Word(NamedTuple):
    text: str
    tag: bool

    def opens(self) -> bool:
        return self.tag and self.text.startswith("B-")

    def closes(self, slot_type: str = "") -> bool:
        return self.tag and self.text.startswith(f"E-{slot_type}")


def tagged_symbols(text: str, slots: object) -> tuple[str, ...]:
    """The symbols of a text with its slots marked.

    Args:
        text: the words.
        slots: list of {type, value, start_word, end_word}; words are counted from 0 and
            `end_word` is the first word after the slot.

    Raises:
        DataError: if the text is empty, or a slot is malformed, lies outside the text, overlaps
            another or has a value that is not the words it points at.
    """
    spell(text)  # refuses what cannot be spelled
    words = text.split()
    if not isinstance(slots, list):
        raise DataError("`slots` must be a list")
    spans = sorted(_span(slot, words) for slot in slots)
    for left, right in pairwise(spans):
        if right.start < left.end:
            raise DataError(f"slots {left.type!r} and {right.type!r} overlap")
    before = {span.start: f"B-{span.type}" for span in spans}
    after = {span.end - 1: f"E-{span.type}" for span in spans}
    symbols: list[str] = []
    for i, word in enumerate(words):
        if i:
            symbols.append(SPACE)
        if i in before:
            symbols.append(before[i])
        symbols.extend(word)
        if i in after:
            symbols.append(after[i])
    return tuple(symbols)


def slots_in(symbols: Sequence[str], *, without_inner_tags: bool) -> list[Slot]:
    """The slots that symbols mark, in order.

    A slot runs from its `B-` tag to the nearest `E-` tag of its type and is not empty; a tag
    without its partner marks nothing. As in s3prl, `E-playlist_owner` closes `playlist` too.

    Args:
        symbols: an answer, well-formed or not.
        without_inner_tags: leaves tags inside a value out of it (s3prl does so for hypotheses,
            not for references), except a closing tag that comes first or an opening one that
            comes last.
    """
    words = _words(symbols)
    found: list[Slot] = []
    i = 0
    while i < len(words):
        end = _closing(words, i) if words[i].opens() else None
        if end is None:
            i += 1
            continue
        value = words[i + 1 : end]
        if without_inner_tags:
            value = _without_tags(value)
        found.append(Slot(words[i].text[2:], " ".join(word.text for word in value)))
        i = end + 1
    return found


def _closing(words: Sequence[_Word], opening: int) -> int | None:
    slot_type = words[opening].text[2:]
    for j in range(opening + 2, len(words)):
        if words[j].closes(slot_type):
            return j
    return None


def _without_tags(words: Sequence[_Word]) -> list[_Word]:
    last = len(words) - 1
    kept = [word for i, word in enumerate(words) if i == last or not word.opens()]
    return [word for i, word in enumerate(kept) if i == 0 or not word.closes()]


def _words(symbols: Sequence[str]) -> list[_Word]:
    words: list[_Word] = []
    characters: list[str] = []

    def end_word() -> None:
        if characters:
            words.append(_Word("".join(characters), tag=False))
            characters.clear()

    for symbol in symbols:
        if symbol == SPACE:
            end_word()
        elif is_tag(symbol):
            end_word()
            words.append(_Word(symbol, tag=True))
        else:
            characters.append(symbol)
    end_word()
    return words


def _span(slot: object, words: Sequence[str]) -> _Span:
    if not isinstance(slot, dict) or set(slot) != {"type", "value", "start_word", "end_word"}:
        raise DataError(
            f"a slot must hold exactly type, value, start_word and end_word, not {slot!r}"
        )
    slot_type, value, start, end = (
        slot[name] for name in ("type", "value", "start_word", "end_word")
    )
    if not isinstance(slot_type, str) or slot_type.split() != [slot_type]:
        raise DataError(f"a slot type must be a word, not {slot_type!r}")
    writable(slot_type, "slot type")
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(words):
        raise DataError(
            f"slot {slot_type!r}: words {start!r} to {end!r} do not lie in a text of "
            f"{len(words)} words",
            hint="count words from 0; end_word is the first word after the slot",
        )
    said = " ".join(words[start:end])
    if not isinstance(value, str) or value.split() != said.split():
        raise DataError(
            f"slot {slot_type!r}: its value {value!r} is not the words it points at, {said!r}",
            hint="count words from 0; end_word is the first word after the slot",
        )
    return _Span(start, end, slot_type)
