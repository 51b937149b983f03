"""SUPERB's classifier for KS, IC and LID, made of s3prl's own modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from baselines.label_softmax import LabelSoftmax
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
        pooled = means[:, 0]
        if means.shape[1] > 1:
            shares = functional.softmax(self.featurizer.get_parameter("weights"), dim=0)
            pooled = torch.einsum("l,nld->nd", shares, means)
        logits: Tensor = self.head.final_proj(self.head.hidden_layers[0](pooled))
        return logits

    @torch.no_grad()
    def differentiate(self, means: Tensor, targets: Tensor, softmax: LabelSoftmax) -> Tensor:
        """The loss of `forward`'s logits; its gradients are left in the parameters.

        Nothing between the means and the logits is curved, so the two layers are one matrix, which
        is multiplied out first: with few labels that takes less than half of the arithmetic. A step
        is so small that what autograd does around each operation would cost more than the
        operation; so the gradients are written down here.

        Args:
            means: as for `forward`; fastest as a view of (n_layers, batch, dim).
            targets: (batch, n_groups) int64 label ids.
            softmax: of these labels.
        """
        hidden, final = self.head.hidden_layers[0], self.head.final_proj
        batch, n_layers, dim = means.shape
        by_layer = means.transpose(0, 1).reshape(n_layers, batch * dim)
        of_layers = self.featurizer.get_parameter("weights") if n_layers > 1 else None
        shares = None if of_layers is None else functional.softmax(of_layers, dim=0)
        pooled = (by_layer if shares is None else shares @ by_layer).view(batch, dim)
        both = final.weight @ hidden.weight
        bias = torch.addmv(final.bias, final.weight, hidden.bias)
        logits = torch.addmm(bias, pooled, both.t())
        loss, d_logits = softmax.loss_and_slopes(logits, targets)
        d_bias = torch.sum(d_logits, dim=0, out=_gradient(final.bias))
        d_both = d_logits.t() @ pooled
        of_bias = torch.outer(d_bias, hidden.bias)
        torch.addmm(of_bias, d_both, hidden.weight.t(), out=_gradient(final.weight))
        torch.mm(final.weight.t(), d_both, out=_gradient(hidden.weight))
        torch.mv(final.weight.t(), d_bias, out=_gradient(hidden.bias))
        if of_layers is not None and shares is not None:
            d_shares = by_layer @ (d_logits @ both).flatten()
            torch.mul(shares, d_shares - shares @ d_shares, out=_gradient(of_layers))
        return loss


def _gradient(parameter: nn.Parameter) -> Tensor:
    """Where a parameter's gradient is to be written."""
    if parameter.grad is None:
        parameter.grad = torch.empty_like(parameter)
    return parameter.grad
