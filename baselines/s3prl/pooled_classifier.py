"""SUPERB's classifier for KS, IC and LID, made of s3prl's own modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

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


class _Loss(torch.autograd.Function):
    """The loss of weighted sum -> Linear -> Linear, with its gradients written down.

    Nothing between the means and the logits is curved, so the two layers are one matrix, which is
    multiplied out first: with few labels that takes less than half of the arithmetic. A step is so
    small that what autograd does around each operation would cost more than the operation; so the
    gradients come with the loss, and to autograd all of it is one operation.
    """

    @staticmethod
    def forward(
        ctx: Any, means: Tensor, targets: Tensor, softmax: LabelSoftmax, *weights: Tensor
    ) -> Tensor:
        """The loss.

        Args:
            ctx: keeps the gradients.
            means: (batch, n_layers, dim); fastest as a view of (n_layers, batch, dim).
            targets: (batch, n_groups) label ids.
            softmax: of the groups.
            weights: (n_hidden, dim) and (n_hidden,) of the first layer, (n_labels, n_hidden) and
                (n_labels,) of the last; (n_layers,) of the sum, where there are several.
        """
        first, first_bias, last, last_bias, *of_layers = weights
        batch, n_layers, dim = means.shape
        by_layer = means.transpose(0, 1).reshape(n_layers, batch * dim)
        shares = [functional.softmax(w, dim=0) for w in of_layers]
        pooled = (shares[0] @ by_layer if shares else by_layer).view(batch, dim)
        both = last @ first
        logits = torch.addmm(last @ first_bias + last_bias, pooled, both.t())
        loss, d_logits = softmax.loss_and_slopes(logits, targets)
        d_bias, d_both = d_logits.sum(dim=0), d_logits.t() @ pooled
        d_last = torch.addmm(torch.outer(d_bias, first_bias), d_both, first.t())
        gradients = [last.t() @ d_both, last.t() @ d_bias, d_last, d_bias]
        for share in shares:
            d_share = by_layer @ (d_logits @ both).flatten()
            gradients.append(share * (d_share - share @ d_share))
        ctx.save_for_backward(*gradients)
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the weights; means and targets have none."""
        return None, None, None, *(grads[0] * g for g in ctx.saved_tensors)


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

    def loss(self, means: Tensor, targets: Tensor, softmax: LabelSoftmax) -> Tensor:
        """The loss of `forward`'s logits, several times as fast; the means get no gradient.

        Args:
            means: as for `forward`.
            targets: (batch, n_groups) int64 label ids.
            softmax: of these labels.
        """
        hidden, last = self.head.hidden_layers[0], self.head.final_proj
        weights = [hidden.weight, hidden.bias, last.weight, last.bias]
        if means.shape[1] > 1:
            weights.append(self.featurizer.get_parameter("weights"))
        loss: Tensor = _Loss.apply(means, targets, softmax, *weights)
        return loss
