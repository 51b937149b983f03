from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.gslm import neighbours
from bench.gslm.neighbours import nearest


def words(n_words: int, each: int, seed: int = 0) -> list[NDArray[np.int32]]:
    """So many utterances of each of some words of twelve units, two of them changed each time."""
    draws = np.random.default_rng(seed)
    said = draws.integers(0, 60, (n_words, 12))
    utterances = []
    for _ in range(each):
        for word in said:
            units = word.copy()
            units[draws.choice(12, 2, replace=False)] = draws.integers(0, 60, 2)
            utterances.append(units.astype(np.int32))
    return utterances


@pytest.mark.parametrize(("n_words", "each"), [(4, 6), (60, 8)])
def test_neighbours_are_the_same_word(n_words: int, each: int) -> None:
    found = nearest(words(n_words, each), 3)
    assert found.shape == (n_words * each, 3)
    same = found % n_words == np.arange(len(found))[:, None] % n_words
    assert same.mean() > 0.95  # by chance 1 / n_words
    assert (found != np.arange(len(found))[:, None]).all()


def test_the_nearest_come_first_and_fewer_are_their_beginning() -> None:
    utterances = words(10, 10)
    many = nearest(utterances, 5)
    assert np.array_equal(nearest(utterances, 2), many[:, :2])


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    utterances = words(10, 10)
    whole = nearest(utterances, 4)
    monkeypatch.setattr(neighbours, "_SIMILARITIES", 700)  # seven utterances at once
    assert np.array_equal(nearest(utterances, 4), whole)


def test_an_utterance_that_shares_nothing_has_neighbours_too() -> None:
    utterances = [*words(4, 6), np.array([97, 98, 99], np.int32)]
    assert set(nearest(utterances, 2)[-1]) < set(range(24))
