from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from bench.errors import DataError, MissingError
from tasks.asr import ASR
from tasks.corpora import Utterance, open_corpus
from tasks.corpora.units import check_units, read_units, units_line
from tasks.ic import IC
from tasks.ks import KS


def write(folder: Path, *lines: bytes | str, name: str = "train.txt") -> Path:
    path = folder / name
    path.write_bytes(
        b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
    )
    return path


def test_a_line_becomes_an_utterance(tmp_path: Path) -> None:
    path = write(tmp_path, "a.wav|71 12 7|3", "b.wav|0|11")
    a, b = read_units(path, KS).utterances
    assert (a.id, a.symbols, a.where) == ("a.wav", ("3",), f"{path}:1")
    assert a.units is not None
    assert a.units.dtype == np.int32
    assert a.units.tolist() == [71, 12, 7]
    assert (b.id, b.symbols, b.where) == ("b.wav", ("11",), f"{path}:2")


def test_only_the_first_two_bars_divide_a_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a|1 2|g o | o n")
    assert read_units(path, ASR).utterances[0].symbols == ("g", "o", "|", "o", "n")


def test_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbfa|1 2|3\r", b"b|4|5\r")
    assert [(u.id, u.symbols) for u in read_units(path, KS).utterances] == [
        ("a", ("3",)),
        ("b", ("5",)),
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "empty line"),
        ("   ", "empty line"),
        ("b", "1 of the 3 fields"),
        ("b|1 2", "2 of the 3 fields"),
        ("|1 2|3", "file field is empty"),
        ("b||3", "there are no units"),
        ("b|1 2|", "labels are empty"),
        ("b|1 2|3 4", r"2 labels where ks has 1 \(label\)"),
        ("b|1 x 2|3", r"unit 'x' \(number 2 of the line\)"),
        ("b|1 2.5|3", "unit '2.5'"),
        ("b|1 -2|3", "unit '-2'"),
        ("b|1_0|3", "unit '1_0'"),
        ("b|\u0663|3", "unit '\u0663'"),
        ("b|7 2147483648|3", r"unit '2147483648' \(number 2"),
        ("b|0000000007 2147483648|3", r"unit '2147483648' \(number 2"),
        (f"b|{'9' * 5000}|3", r"unit '9{20}\.\.\.'"),
        (b"b|1 2|\xff", "byte 0xff is not UTF-8"),
        ("a|1 3|3", r"utterance 'a' has another content than at .*train\.txt:1"),
        ("a|1 2|4", "another content"),
        ("a|1 2 2|3", "another content"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str | bytes, why: str) -> None:
    path = write(tmp_path, "a|1 2|3", line, "c|1|3")
    with pytest.raises(DataError, match=why) as caught:
        read_units(path, KS)
    assert caught.value.where == f"{path}:2"
    assert caught.value.hint


def test_the_largest_unit_is_read(tmp_path: Path) -> None:
    units = read_units(write(tmp_path, "a|2147483647 0000000007|3"), KS).utterances[0].units
    assert units is not None
    assert units.tolist() == [2147483647, 7]


def test_an_ic_line_needs_three_labels(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train\.txt:1: 1 labels where ic has 3"):
        read_units(write(tmp_path, "a|1 2|3"), IC)


def test_a_text_of_whole_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train\.txt:1: 'turn' is not one character"):
        read_units(write(tmp_path, "a|1 2|turn on"), ASR)


def test_an_empty_file_and_an_absent_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train\.txt: the file is empty"):
        read_units(write(tmp_path), KS)
    with pytest.raises(MissingError, match=r"valid\.txt: there is no such file"):
        read_units(tmp_path / "valid.txt", KS)
    with pytest.raises(MissingError, match="cannot be read"):
        read_units(tmp_path, KS)


def test_repeated_lines_are_dropped_and_counted(tmp_path: Path) -> None:
    split = read_units(write(tmp_path, "a|1|3", "b|1|3", "a|1|3", "a|1 |3", "b|1|3"), KS)
    assert [u.where.rsplit(":")[-1] for u in split.utterances] == ["1", "2"]
    assert split.notes == {"repeated_lines_dropped": 3}


def test_a_line_of_200_000_units_simply_works(tmp_path: Path) -> None:
    units = np.arange(200_000) % 100
    path = write(tmp_path, f"a|{' '.join(map(str, units))}|3")
    start = time.process_time()
    (utterance,) = read_units(path, KS).utterances
    assert time.process_time() - start < 2
    assert utterance.units is not None
    np.testing.assert_array_equal(utterance.units, units)


def test_a_unit_the_model_does_not_have_is_named(tmp_path: Path) -> None:
    utterances = read_units(write(tmp_path, "a|0 99|3", "b|5 100 7|3"), KS).utterances
    check_units(utterances, 101)
    with pytest.raises(DataError, match=r"utterance 'b': unit 100 is not .* 0 to 99") as caught:
        check_units(utterances, 100)
    assert caught.value.where == utterances[1].where


def test_an_utterance_without_units_fails_the_check() -> None:
    with pytest.raises(DataError, match="'a' has no units"):
        check_units([Utterance(id="a", symbols=("x",), where="m:1")], 100)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"units": None}, "lacks units"),
        ({"units": np.zeros(0, np.int32)}, "lacks units"),
        ({"symbols": ()}, "an answer"),
        ({"symbols": ("two words",)}, "is not one word"),
        ({"id": "a|b"}, "cannot be an id"),
        ({"id": "a\nb"}, "cannot be an id"),
        ({"id": " "}, "cannot be an id"),
    ],
)
def test_what_would_not_read_back_is_not_written(changes: dict[str, object], why: str) -> None:
    fields: dict[str, object] = {"id": "a", "symbols": ("x",), "units": np.ones(2, np.int32)}
    with pytest.raises(DataError, match=why):
        units_line(Utterance(**fields | changes, where="here"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("task", "n", "repeated"),
    [("ks", (51_094, 3_370, 3_081), 3_434), ("ic", (23_132, 3_118, 3_793), 0)],
)
def test_the_real_units_are_read_fast(
    shared_data: Path, task: str, n: tuple[int, ...], repeated: int
) -> None:
    spec = KS if task == "ks" else IC
    start = time.process_time()
    corpus = open_corpus(str(shared_data / "units-hubert100" / task), spec)
    assert (len(corpus.train), len(corpus.valid), len(corpus.test)) == n
    assert time.process_time() - start < 4
    assert corpus.notes["repeated_lines_dropped"] == repeated
    assert corpus.n_units == 100
    corpus.labels_check()
    check_units(corpus.train, 100)
