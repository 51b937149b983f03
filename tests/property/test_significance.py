from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reports.significance import differences, interval_of, mean_of
from tests.unit.reports.samples import sample


@st.composite
def two_rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Right or wrong answers of two rows of one to three seeds each."""
    n = draw(st.integers(1, 40))
    answers = st.lists(st.booleans(), min_size=n, max_size=n)
    runs = [draw(st.lists(answers, min_size=1, max_size=3)) for _ in range(2)]
    return np.array(runs[0], dtype=np.float64), np.array(runs[1], dtype=np.float64)


@given(two_rows())
def test_a_comparison_is_antisymmetric(rows: tuple[np.ndarray, np.ndarray]) -> None:
    samples = [sample(row) for row in rows]
    _, one = differences(samples, 0, 200)
    other, _ = differences(samples, 1, 200)
    assert one is not None
    assert other is not None
    assert np.isclose(one.value, -other.value)
    assert np.allclose(one.ci95, (-other.ci95[1], -other.ci95[0]))
    assert np.isclose(one.p, other.p)
    assert 0 <= one.p <= 1
    assert one.ci95[0] <= one.value <= one.ci95[1]


@given(two_rows())
def test_an_interval_brackets_its_mean(rows: tuple[np.ndarray, np.ndarray]) -> None:
    for row in rows:
        low, high = interval_of(sample(row), 200)
        assert low <= mean_of(sample(row)) <= high
