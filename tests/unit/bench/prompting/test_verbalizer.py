from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from bench.errors import UsageError
from bench.prompting.verbalizer import Name, Spelt, unit_frequencies, verbalize
from tasks.labels import Labels
from tests.unit.bench.gslm.models import gslm_of, random_lm

GSLM = gslm_of(random_lm(dtype=torch.float32), backwards=True)
"""12 units; unit u has row 15 - u."""
LABELS = Labels(groups=(("on", "off", "none"), ("hall", "none")), counts=((5, 3, 1), (9, 4)))
FREQUENCIES = np.array([0, 7, 50, 3, 3, 40, 2, 30, 0, 1, 20, 5])
NAMES: tuple[Name, ...] = get_args(Name)


def test_units_are_counted() -> None:
    units = [np.array([3, 1, 3], np.int32), np.array([0], np.int32)]
    assert unit_frequencies(units, 6).tolist() == [1, 1, 0, 2, 0, 0]


@pytest.mark.parametrize("name", ["frequency", "learnable"])
def test_frequency_pairs_labels_and_units_rank_by_rank(name: Name) -> None:
    rows = verbalize(name, LABELS, GSLM, FREQUENCIES, seed=0)
    # hall 9, on 5, none 4 (of the second slot), off 3, none 1; units 2, 5, 7, 10, 1.
    units = {"hall": 2, "on": 5, "none'": 7, "off": 10, "none": 1}
    assert rows.tolist() == [15 - units[w] for w in ("on", "off", "none", "hall", "none'")]


def test_equal_counts_keep_their_order() -> None:
    labels = Labels(groups=(("a", "b", "c"),), counts=((2, 2, 2),))
    assert verbalize("frequency", labels, GSLM, np.full(12, 4), 0).tolist() == [15, 14, 13]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 5, 12])
def test_every_label_has_a_unit_of_its_own(name: Name, n: int) -> None:
    labels = Labels(groups=(tuple(map(str, range(n))),), counts=((1,) * n,))
    spelt = Spelt([np.array([4, 2, 4], np.int32)], [np.array([0])]) if name == "alignment" else None
    rows = verbalize(name, labels, GSLM, FREQUENCIES, 3, spelt)
    assert rows.dtype == np.int64
    assert len(set(rows.tolist())) == n
    assert set(rows.tolist()) <= set(GSLM.card.rows)
    assert rows.tolist() == verbalize(name, labels, GSLM, FREQUENCIES, 3, spelt).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_more_labels_than_units(name: Name) -> None:
    labels = Labels(groups=(tuple(map(str, range(13))),), counts=((1,) * 13,))
    with pytest.raises(UsageError, match="13 labels cannot each have one of 12 units") as caught:
        verbalize(name, labels, GSLM, FREQUENCIES, seed=0)
    assert caught.value.hint is not None


def test_alignment_needs_sequences() -> None:
    with pytest.raises(UsageError, match="goes along sequences"):
        verbalize("alignment", LABELS, GSLM, FREQUENCIES, seed=0)


def test_random_follows_the_seed() -> None:
    found = {tuple(verbalize("random", LABELS, GSLM, FREQUENCIES, s).tolist()) for s in range(5)}
    assert len(found) == 5


def test_kmeans_takes_a_unit_of_each_cluster_the_largest_first() -> None:
    lm = random_lm(dtype=torch.float32)
    with torch.no_grad():
        lm.embed.weight[4:] *= 0.01
        for centre, units in enumerate([(0, 3, 6, 9), (1, 4, 7, 10), (2, 5, 8, 11)]):
            for unit in units:
                lm.embed.weight[4 + unit, centre] += 10
    labels = Labels(groups=(("rare", "often", "middle"),), counts=((1, 9, 5),))
    # By frequency the clusters are 2 (2, 5, 8, 11), then 1, then 0.
    frequencies = np.array([1, 2, 9, 1, 2, 9, 1, 2, 9, 1, 2, 9])
    rows = verbalize("kmeans", labels, gslm_of(lm), frequencies, 0) - 4
    assert [int(row) % 3 for row in rows] == [0, 2, 1]
