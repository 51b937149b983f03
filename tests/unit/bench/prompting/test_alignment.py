from __future__ import annotations

import numpy as np

from bench.prompting.alignment import aligned_units


def test_labels_find_the_units_they_stand_beside() -> None:
    generator = np.random.default_rng(0)
    sounds = generator.permutation(30)[:12]  # of 12 labels, among 30 units
    units, labels = [], []
    for _ in range(300):
        spelt = generator.integers(12, size=generator.integers(5, 15))
        said = [sounds[label] for label in spelt if generator.random() > 0.1]  # some not heard
        said += list(generator.integers(30, size=2))  # and noise
        units.append(np.array(said, np.int32))
        labels.append(spelt.astype(np.int64))
    assert aligned_units(units, labels, 30, 12).tolist() == sounds.tolist()


def test_every_label_has_a_unit_of_its_own_even_without_data() -> None:
    found = aligned_units([np.array([3], np.int32)], [np.array([0, 1, 2])], 5, 4)
    assert len(set(found.tolist())) == 4
    empty = aligned_units([np.array([], np.int32)], [np.array([], np.int64)], 5, 4)
    assert len(set(empty.tolist())) == 4
