"""How long a recipe trains."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.s3prl.recipes.recipe import Training


@pytest.mark.parametrize(
    ("n_utterances", "passes"),
    [(10_000, 40), (800, 40), (640, 40), (320, 80), (185, 134), (16, 200), (1, 200)],
)
def test_a_small_training_set_is_passed_over_more_often(n_utterances: int, passes: int) -> None:
    training = Training(search=(1e-3,), max_epochs=40, batch_utterances=8, steps=3200)
    assert training.passes(n_utterances, training.batch_utterances) == passes


@given(st.integers(0, 10_000), st.integers(1, 64), st.integers(1, 400))
def test_without_steps_the_passes_are_the_recipes(n: int, batch: int, most: int) -> None:
    assert Training(search=(1e-3,), max_epochs=most).passes(n, batch) == most
