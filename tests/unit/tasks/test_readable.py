from __future__ import annotations

import pytest

from bench.errors import DataError
from tasks.readable import label, writable


@pytest.mark.parametrize("text", ["yes", "ačiū", "turn on", "\N{GRINNING FACE}"])
def test_what_can_be_written_comes_back(text: str) -> None:
    assert writable(text, "x") == label(text, "x") == text


def test_half_a_surrogate_pair_is_refused() -> None:
    for check in (writable, label):
        with pytest.raises(DataError, match=r"the id 'a\\ud83d' cannot be written as UTF-8"):
            check("a\ud83d", "the id")


@pytest.mark.parametrize("text", ["yes ", " yes", "yes\n", "\u00a0yes"])
def test_a_label_with_blanks_around_it_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="begins or ends with blanks") as caught:
        label(text, "`label`:")
    assert "'yes'" in str(caught.value.hint)
    assert writable(text, "x") == text
