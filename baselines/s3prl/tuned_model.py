"""An upstream and the head on it, trained together: waveforms in, what the head gives out.

Each layer of the upstream that the head reads is computed anew at every step, from clips of equal
length only, as those of a frozen upstream are: what a clip gives does not depend on its neighbours.
For the same reason batch norms, where an upstream has them, keep their statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from baselines.s3prl.containment import contained
from baselines.s3prl.pooled_classifier import PooledClassifier
from baselines.s3prl.recurrent_head import RecurrentHead
from baselines.s3prl.upstream import Upstream
from bench.errors import UsageError
from bench.random import torch_generator
from bench.speech.audio import SAMPLE_RATE_HZ
from bench.speech.equal_lengths import equally_long

Head = PooledClassifier | RecurrentHead


class TunedModel(nn.Module):
    """An upstream and a head.

    Args:
        upstream: its module becomes a part of this one; it is not copied.
        head: reads the upstream's layers.
    """

    def __init__(self, upstream: Upstream, head: Head) -> None:
        super().__init__()
        self.upstream: nn.Module = upstream.module
        self.head = head
        self._frames = upstream.frames

    def train(self, mode: bool = True) -> TunedModel:
        """Dropout as the upstream has it; batch norms stay as they are."""
        super().train(mode)
        _keep_statistics(self.upstream)
        return self

    def forward(self, waves: Sequence[Tensor]) -> Any:
        """What the head makes of waveforms.

        In training it draws from the global generators, otherwise it leaves them alone.

        Args:
            waves: each (n_samples,) float32 at 16 kHz.

        Returns:
            See the head's `forward`.
        """
        if self.training:
            return self.head(*self.head.arguments(self._clips(waves)))
        with contained():
            return self.head(*self.head.arguments(self._clips(waves)))

    def _clips(self, waves: Sequence[Tensor]) -> list[Tensor]:
        """The frames of each, (n_layers, n_frames, dim)."""
        found: dict[int, Tensor] = {}
        for batch in equally_long([len(wave) for wave in waves]):
            frames = self._frames(torch.stack([waves[index] for index in batch]))
            found |= {index: frames[:, i] for i, index in enumerate(batch)}
        return [found[index] for index in range(len(waves))]


class Tuning:
    """Makes the upstream trainable, and every model begin where it began.

    An upstream's module cannot be copied (s3prl's hooks would go on writing into the first one), so
    all models share it, and a new one takes it back to its first weights.

    Args:
        upstream: what of it gets a gradient from its chosen layers is trained from now on.
        make_head: gives a head with fresh weights, the same at every call.

    Raises:
        UsageError: if nothing of the upstream gets a gradient.
    """

    def __init__(self, upstream: Upstream, make_head: Callable[[], Head]) -> None:
        self._upstream, self._make_head = upstream, make_head
        self._first = {
            name: parameter.detach().to("cpu", copy=True)
            for name, parameter in _release(upstream).items()
        }

    def start(self) -> TunedModel:
        """The upstream's own weights, and a fresh head. The models made before begin anew, too."""
        parameters = dict(self._upstream.module.named_parameters())
        with torch.no_grad():
            for name, tensor in self._first.items():
                parameters[name].copy_(tensor)
        return TunedModel(self._upstream, self._make_head())


def _release(upstream: Upstream) -> dict[str, nn.Parameter]:
    """Lets those of an upstream's parameters be trained that a gradient reaches, and no others.

    Some never get one: layers above the highest that is read, heads of the pretraining, and what
    s3prl itself cuts off (the convolutions of its own HuBERT and wav2vec 2.0).
    """
    known = {n: p for n, p in upstream.module.named_parameters() if n in upstream.learnable}
    for parameter in known.values():
        parameter.requires_grad_(True)
    # In the mode it is trained in: cuDNN gives recurrent layers no gradient in the other.
    _keep_statistics(upstream.module.train())
    noise = torch.randn(1, SAMPLE_RATE_HZ, generator=torch_generator(0, "probe")) / 10
    with contained(), torch.enable_grad():
        frames = upstream.frames(noise)
        found = dict.fromkeys(known)
        if frames.requires_grad:
            gradients = torch.autograd.grad(frames.sum(), list(known.values()), allow_unused=True)
            found = dict(zip(known, gradients, strict=True))
    upstream.module.eval()
    for name, parameter in known.items():
        parameter.requires_grad_(found[name] is not None)
    reached = {name: p for name, p in known.items() if p.requires_grad}
    if not reached:
        raise UsageError(
            f"upstream {upstream.name!r} has nothing to train in the layers that are read",
            hint="--method s3prl trains the head on it",
        )
    return reached


def _keep_statistics(module: nn.Module) -> None:
    """Puts batch norms into evaluation mode, whatever the rest is in."""
    for part in module.modules():
        if isinstance(part, _BatchNorm):
            part.eval()
