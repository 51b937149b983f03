from __future__ import annotations

import pytest

from bench.errors import DataError
from tasks.slot_text import Slot, slots_in, tagged_symbols

TEXT = "meet me at nine in paris"


def slot(
    start: object, end: object, value: object, slot_type: object = "time"
) -> dict[str, object]:
    return {"type": slot_type, "value": value, "start_word": start, "end_word": end}


def test_the_slots_of_a_text_come_back() -> None:
    slots = [slot(5, 6, "paris", "city"), slot(2, 4, "at nine")]
    symbols = tagged_symbols(TEXT, slots)
    assert slots_in(symbols, without_inner_tags=False) == [
        Slot("time", "at nine"),
        Slot("city", "paris"),
    ]


def test_values_hold_any_character_and_words_that_look_like_tags() -> None:
    text = "at 9:30;sharp E-mail B-12 to bob"
    symbols = tagged_symbols(text, [slot(1, 4, "9:30;sharp E-mail B-12")])
    assert slots_in(symbols, without_inner_tags=True) == [Slot("time", "9:30;sharp E-mail B-12")]


@pytest.mark.parametrize(
    ("slots", "why"),
    [
        ("none", "must be a list"),
        ([{"type": "time"}], "exactly type, value"),
        ([slot(0, 7, TEXT)], "do not lie in a text of 6 words"),
        ([slot(2, 2, "")], "do not lie"),
        ([slot(-1, 1, "meet")], "do not lie"),
        ([slot(True, 2, "me")], "do not lie"),
        ([slot(2, 4, "nine in")], "is not the words it points at, 'at nine'"),
        ([slot(2, 4, None)], "is not the words"),
        ([slot(2, 4, "at nine", "a b")], "slot type must be a word"),
        ([slot(2, 4, "at nine"), slot(3, 5, "nine in", "x")], "overlap"),
    ],
)
def test_malformed_slots_are_refused(slots: object, why: str) -> None:
    with pytest.raises(DataError, match=why):
        tagged_symbols(TEXT, slots)


@pytest.mark.parametrize(
    ("symbols", "found"),
    [
        (["a", "E-x"], []),
        (["B-x", "a"], []),
        (["B-x", "E-x"], []),
        (["B-x", "a", "E-y"], []),
        (["B-x", "a", "E-x", "B-x", "b", "E-x"], [Slot("x", "a"), Slot("x", "b")]),
        (["B-x", "a", "B-y", "b", "E-y", "E-x"], [Slot("x", "a b")]),
        (["B-y", "B-x", "a", "E-x"], [Slot("x", "a")]),
        (["B-play", "a", "E-play_owner"], [Slot("play", "a")]),
    ],
)
def test_a_badly_tagged_hypothesis_is_read_as_s3prl_reads_it(
    symbols: list[str], found: list[Slot]
) -> None:
    assert slots_in(symbols, without_inner_tags=True) == found


def test_inner_tags_of_a_reference_stay_in_its_value() -> None:
    symbols = ["B-x", "a", "B-y", "b", "E-y", "E-x"]
    assert slots_in(symbols, without_inner_tags=False) == [Slot("x", "a B-y b E-y")]
