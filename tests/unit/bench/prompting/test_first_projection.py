from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from bench.prompting.first_projection import FirstProjection

N_ROWS, N_POSITIONS, DIM, N_OUT, EPS = 7, 40, 16, 12, 1e-5


def normal(*size: int, seed: int) -> Tensor:
    drawn = torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn + 0.3


EMBEDDED, POSITIONS = 3 * normal(N_ROWS, DIM, seed=1), normal(N_POSITIONS, DIM, seed=2)
GAIN, SHIFT = normal(DIM, seed=3), normal(DIM, seed=4)
WEIGHT, BIAS = normal(N_OUT, DIM, seed=5), normal(N_OUT, seed=6)


def by_table(dtype: torch.dtype, product: torch.dtype) -> FirstProjection:
    return FirstProjection(
        *(x.to(dtype) for x in (EMBEDDED, POSITIONS, GAIN, SHIFT)),
        *(x.to(product) for x in (WEIGHT, BIAS)),
        eps=EPS,
    )


def by_product(tokens: Tensor, positions: Tensor) -> Tensor:
    x = EMBEDDED[tokens] + POSITIONS[positions]
    return F.linear(F.layer_norm(x, (DIM,), GAIN, SHIFT, EPS), WEIGHT, BIAS)


@pytest.mark.parametrize(
    ("dtype", "product", "limit"),
    [
        (torch.float64, torch.float64, 1e-12),
        (torch.float32, torch.float32, 1e-5),
        (torch.float32, torch.bfloat16, 0.02),
    ],
)
def test_it_is_the_norm_and_the_product(
    dtype: torch.dtype, product: torch.dtype, limit: float
) -> None:
    tokens, positions = torch.arange(N_ROWS).repeat(5), torch.arange(5 * N_ROWS)
    found = by_table(dtype, product)(tokens, positions, 35)
    assert found.dtype == product
    wanted = by_product(tokens, positions)
    assert (found - wanted).abs().max() < limit * wanted.abs().max()


def test_its_table_grows_up_to_the_last_position() -> None:
    projection = by_table(torch.float64, torch.float64)
    for longest in (1, 3, 2, 17, N_POSITIONS):
        positions = torch.arange(longest)
        tokens = positions % N_ROWS
        found = projection(tokens, positions, longest)
        torch.testing.assert_close(found, by_product(tokens, positions))
