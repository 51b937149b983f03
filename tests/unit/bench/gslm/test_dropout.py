from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.gslm.dropout import byte_dropout

ONES = torch.ones(400, 500)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_rate_and_the_scale(rate: float) -> None:
    y = byte_dropout(ONES, rate, np.random.default_rng(0))
    rounded = round(256 * rate) / 256
    assert float((y == 0).float().mean()) == pytest.approx(rounded, abs=0.005)
    assert sorted(set(y[y != 0].tolist())) == pytest.approx([1 / (1 - rounded)])
    assert float(y.mean()) == pytest.approx(1, abs=0.03)


def test_the_generator_decides() -> None:
    first, same, other = (byte_dropout(ONES, 0.3, np.random.default_rng(s)) for s in (5, 5, 6))
    assert first.equal(same)
    assert not first.equal(other)


def test_nothing_happens_in_evaluation_or_at_rate_0() -> None:
    assert byte_dropout(ONES, 0.5, None) is ONES
    assert byte_dropout(ONES, 0.0, np.random.default_rng(0)) is ONES


@pytest.mark.parametrize("rate", [0.998, 0.9999])
def test_a_rate_close_to_1_keeps_something(rate: float) -> None:
    y = byte_dropout(ONES, rate, np.random.default_rng(0))
    assert sorted(set(y[y != 0].tolist())) == [256.0]


def test_gradients_pass_where_values_do() -> None:
    x = torch.ones(50, dtype=torch.float64, requires_grad=True)
    y = byte_dropout(x, 0.5, np.random.default_rng(0))
    (grad,) = torch.autograd.grad(y.sum(), x)
    assert grad.equal(y.detach())
    assert byte_dropout(x.bfloat16(), 0.5, np.random.default_rng(0)).dtype == torch.bfloat16
