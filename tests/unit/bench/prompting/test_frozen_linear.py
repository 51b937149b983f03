from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from bench.gslm.precision import fast_in_bf16
from bench.prompting import frozen_linear
from bench.prompting.frozen_linear import FrozenLinear


def normal(*size: int, seed: int = 0) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


WEIGHT, BIAS = normal(12, 8, seed=1), normal(12, seed=2)


def assert_is_linear(linear: FrozenLinear, weight: Tensor, bias: Tensor, rtol: float) -> None:
    assert_same(linear, lambda x: F.linear(x, weight, bias), weight, rtol)
    assert_same(
        partial(linear, rectify=True), lambda x: F.linear(x, weight, bias).relu(), weight, rtol
    )


def assert_same(
    ours: Callable[[Tensor], Tensor],
    wanted: Callable[[Tensor], Tensor],
    weight: Tensor,
    rtol: float,
) -> None:
    for n in (1, 7, 600):
        x = normal(n, weight.shape[1], seed=n).to(weight.dtype).requires_grad_()
        theirs = x.detach().clone().requires_grad_()
        y, z = ours(x), wanted(theirs)
        torch.testing.assert_close(y, z, rtol=rtol, atol=rtol)
        # A gradient that is not contiguous.
        grad = normal(weight.shape[0], n, seed=3).to(weight.dtype).t()
        torch.autograd.backward([y, z], [grad, grad])
        assert x.grad is not None
        assert theirs.grad is not None
        torch.testing.assert_close(x.grad, theirs.grad, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_values_and_gradients_are_those_of_a_linear_map(dtype: torch.dtype) -> None:
    weight, bias = WEIGHT.to(dtype), BIAS.to(dtype)
    assert_is_linear(FrozenLinear(weight, bias), weight, bias, 1e-5)


def test_on_a_cpu_weights_are_laid_out_once() -> None:
    has_onednn = bool(torch.backends.mkldnn.enabled)
    fast = {torch.float32: True, torch.bfloat16: fast_in_bf16(torch.device("cpu"))}
    for dtype in (torch.float32, torch.bfloat16, torch.float64):
        linear = FrozenLinear(WEIGHT.to(dtype), BIAS.to(dtype))
        assert (linear.forward_weight is not None) == (has_onednn and fast.get(dtype, False))


def test_where_bfloat16_is_slow_its_weights_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen_linear, "fast_in_bf16", lambda device: False)
    assert FrozenLinear(WEIGHT.bfloat16(), BIAS.bfloat16()).forward_weight is None


def test_bfloat16_products_have_the_bits_of_torchs_own() -> None:
    weight, bias = normal(96, 64, seed=1).bfloat16(), normal(96, seed=2).bfloat16()
    x = normal(40, 64, seed=3).bfloat16()
    linear, wanted = FrozenLinear(weight, bias), F.linear(x, weight, bias)
    assert torch.equal(linear(x), wanted)
    assert torch.equal(linear(x, rectify=True), wanted.relu())


@pytest.mark.parametrize("missing", ["operator", "mkldnn"])
def test_without_onednn_it_falls_back(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing == "operator":
        monkeypatch.setattr(frozen_linear, "_reordered", lambda weight: None)
        linear = FrozenLinear(WEIGHT, BIAS)
    else:
        monkeypatch.setattr(torch.backends, "mkldnn", SimpleNamespace(enabled=False))
        linear = FrozenLinear(WEIGHT, BIAS)
    assert linear.forward_weight is None
    assert_is_linear(linear, WEIGHT, BIAS, 1e-5)


def test_some_rows() -> None:
    some = FrozenLinear(WEIGHT, BIAS).rows(3, 9)
    assert_is_linear(some, WEIGHT[3:9], BIAS[3:9], 1e-5)


def test_a_transposed_input() -> None:
    x = normal(8, 5).t()
    torch.testing.assert_close(FrozenLinear(WEIGHT, BIAS)(x), F.linear(x, WEIGHT, BIAS))
