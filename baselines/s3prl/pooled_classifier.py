"""SUPERB's classifier for KS, IC and LID, made of s3prl's own modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

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
            weights = functional.softmax(self.featurizer.get_parameter("weights"), dim=-1)
            pooled = torch.matmul(weights, means)
        else:
            pooled = means[:, 0]
        logits: Tensor = self.head.final_proj(self.head.hidden_layers(pooled))
        return logits
