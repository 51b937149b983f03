"""A linear map whose weights never change: no weight gradient, weights laid out once.

In float32 on a CPU torch multiplies through a general matrix product that ignores the fastest
instructions of some processors; oneDNN with weights reordered once is up to twice as fast. In
bfloat16 torch's own product is oneDNN's, but reorders the weights at every call: a tenth of the
time for a training step's rows, more than half for the few rows of a decoding step. Where the
processor is slow in bfloat16 nothing was measured, and torch's own product stays.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from bench.gslm.lm import positive, relu
from bench.gslm.precision import fast_in_bf16

_TYPICAL_ROWS = 512
"""Rows for which oneDNN chooses the layout; others work with it as well."""


def _reordered(weight: Tensor) -> Tensor | None:
    """Weights in oneDNN's own layout, or None where that is of no use."""
    if weight.device.type != "cpu" or not torch.backends.mkldnn.enabled:
        return None
    in_bf16 = weight.dtype == torch.bfloat16 and fast_in_bf16(weight.device)
    if weight.dtype != torch.float32 and not in_bf16:
        return None
    reorder = getattr(torch.ops.mkldnn, "_reorder_linear_weight", None)
    if reorder is None or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return None
    out: Tensor = reorder(weight.contiguous(), _TYPICAL_ROWS)
    return out


def _multiply(x: Tensor, reordered: Tensor, bias: Tensor | None, then: str = "none") -> Tensor:
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x, reordered, bias, then, [], "")
    return out


class _Apply(torch.autograd.Function):
    """The map, and a ReLU within the product, which keeps one byte an element for its backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, linear: FrozenLinear, rectify: bool) -> Tensor:
        ctx.linear, ctx.rectify = linear, rectify
        assert linear.forward_weight is not None
        y = _multiply(x, linear.forward_weight, linear.bias, "relu" if rectify else "none")
        if rectify and ctx.needs_input_grad[0]:
            ctx.save_for_backward(positive(y))
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        grad = grads[0].contiguous()
        if ctx.rectify:
            (kept,) = ctx.saved_tensors
            grad = grad * kept
        return _multiply(grad, ctx.linear.backward_weight(), None), None, None


class FrozenLinear:
    """`x @ weight.T + bias` with gradients for `x` only.

    Args:
        weight: (n_out, n_in), never changed afterwards.
        bias: (n_out,) of the same type.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight = weight.detach()
        self.bias = bias.detach()
        self.forward_weight = _reordered(self.weight)
        self._backward_weight: Tensor | None = None

    def backward_weight(self) -> Tensor:
        """The transposed weights, reordered at the first gradient."""
        if self._backward_weight is None:
            self._backward_weight = _reordered(self.weight.t())
        assert self._backward_weight is not None
        return self._backward_weight

    def rows(self, begin: int, end: int) -> FrozenLinear:
        """The map to outputs `begin` to `end` only."""
        return FrozenLinear(self.weight[begin:end].contiguous(), self.bias[begin:end].contiguous())

    def __call__(self, x: Tensor, *, rectify: bool = False) -> Tensor:
        """Apply the map.

        Args:
            x: (n, n_in) of the weights' type.
            rectify: a ReLU after it, without a pass over the output of its own.

        Returns:
            (n, n_out).
        """
        if self.forward_weight is None:
            y = F.linear(x, self.weight, self.bias)
            return relu(y) if rectify else y
        x = x.contiguous()
        if not torch.is_grad_enabled():
            return _multiply(x, self.forward_weight, self.bias, "relu" if rectify else "none")
        out: Tensor = _Apply.apply(x, self, rectify)
        return out
