"""SUPERB's classifier for KS, IC and LID, made of s3prl's own modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from baselines.s3prl.containment import silenced
from tasks.labels import Labels

with silenced():
    from s3prl.nn import Featurizer, MeanPoolingLinear

HIDDEN = 256
"""SUPERB projects every upstream to this size."""


class Shape(NamedTuple):
    """What s3prl's Featurizer asks of an upstream."""

    num_layers: int
    hidden_sizes: list[int]
    downsample_rates: list[int]


def featurizer(n_layers: int, dim: int, stride: int) -> nn.Module:
    """s3prl's weighted sum of layers (without weights where there is one layer)."""
    module: nn.Module = Featurizer(Shape(n_layers, [dim] * n_layers, [stride] * n_layers))
    return module


class _Logits(torch.autograd.Function):
    """Weighted sum -> Linear -> Linear, with its gradients written down.

    Nothing between the means and the logits is curved, so the two layers are one matrix, which is
    multiplied out first: with few labels that takes less than half of the arithmetic, and a step is
    so small that what autograd does around each operation would cost more than the operation.
    """

    @staticmethod
    def forward(ctx: Any, means: Tensor, shares: Tensor, *weights: Tensor) -> Tensor:
        """Logits.

        Args:
            ctx: keeps what the backward needs.
            means: (batch, n_layers, dim); fastest as a view of (n_layers, batch, dim).
            shares: (n_layers,) of each layer in the sum.
            weights: (n_hidden, dim) and (n_hidden,) of the first layer, (n_labels, n_hidden) and
                (n_labels,) of the last.

        Returns:
            (batch, n_labels).
        """
        first, first_bias, last, last_bias = weights
        batch, n_layers, dim = means.shape
        by_layer = means.transpose(0, 1).reshape(n_layers, batch * dim)
        pooled = (shares @ by_layer).view(batch, dim)
        both = last @ first
        ctx.save_for_backward(by_layer, shares, pooled, both, first, first_bias, last)
        return torch.addmm(last @ first_bias + last_bias, pooled, both.t())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of everything; of the means and the shares only where they are asked for."""
        by_layer, shares, pooled, both, first, first_bias, last = ctx.saved_tensors
        d_logits, d_bias = grads[0], grads[0].sum(dim=0)
        d_means = d_shares = None
        if ctx.needs_input_grad[0] or ctx.needs_input_grad[1]:
            d_pooled = d_logits @ both
            d_shares = by_layer @ d_pooled.flatten()
            if ctx.needs_input_grad[0]:
                d_means = d_pooled[:, None] * shares[:, None]
        d_both = d_logits.t() @ pooled
        d_last = torch.addmm(torch.outer(d_bias, first_bias), d_both, first.t())
        return d_means, d_shares, last.t() @ d_both, last.t() @ d_bias, d_last, d_bias


class PooledClassifier(nn.Module):
    """Weighted sum -> Linear 256 -> mean over time -> Linear, on time means.

    The parameters are those of s3prl's `Featurizer` and `MeanPoolingLinear`, in s3prl's order
    of creation; the forward pass takes the mean first.

    Args:
        n_layers: of the upstream.
        dim: of its layers.
        stride: samples a frame.
        labels: the label inventory; see `LabelSoftmax` for the loss.
    """

    def __init__(self, n_layers: int, dim: int, stride: int, labels: Labels) -> None:
        super().__init__()
        self.featurizer = featurizer(n_layers, dim, stride)
        self.head = MeanPoolingLinear(dim, labels.n, hidden_size=HIDDEN)

    @property
    def n_head_parameters(self) -> int:
        """Without the layer weights."""
        return sum(p.numel() for p in self.head.parameters())

    @staticmethod
    def arguments(frames: Sequence[Tensor]) -> tuple[Tensor]:
        """Those of `forward` for utterances' frames, each (n_layers, n_frames, dim)."""
        return (torch.stack([f.mean(dim=1) for f in frames]),)

    def forward(self, means: Tensor) -> Tensor:
        """Logits of all groups side by side.

        Args:
            means: (batch, n_layers, dim) float32.

        Returns:
            (batch, n_labels).
        """
        if means.shape[1] > 1:
            shares = functional.softmax(self.featurizer.get_parameter("weights"), dim=-1)
        else:
            shares = means.new_ones(1)
        hidden, last = self.head.hidden_layers[0], self.head.final_proj
        logits: Tensor = _Logits.apply(
            means, shares, hidden.weight, hidden.bias, last.weight, last.bias
        )
        return logits
