"""A frozen convolution with a long kernel, computed through the Fourier transform.

HuBERT, wav2vec 2.0, WavLM and their like know positions by one convolution over 128 frames. For a
clip of a second it is a sixteenth of their arithmetic and, on a CPU, more of their time. Its kernel
is transformed once; the frames are transformed in blocks of twice its length (overlap-save).
The result differs by rounding only (`tests/unit/baselines/s3prl/test_long_convolution.py`).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

MIN_KERNEL = 32
"""A shorter one is as fast directly."""


class LongConvolution:
    """What an `nn.Conv1d` of stride 1 and dilation 1 with zero padding computes.

    Args:
        conv: its weights are read at the first call (what normalises them may bring them up to
            date only then), and must not change afterwards.
    """

    def __init__(self, conv: nn.Conv1d) -> None:
        self.kernel, self.groups = conv.kernel_size[0], conv.groups
        self.padding = int(conv.padding[0])
        self.block = 2 * self.kernel
        self._conv = conv

    @cached_property
    def spectrum(self) -> Tensor:
        """(frequency, group, in, out) of the kernel, turned round."""
        turned = self._conv.weight.detach().flip(-1)
        by_group: Tensor = torch.fft.rfft(turned, n=self.block).unflatten(0, (self.groups, -1))
        return by_group.permute(3, 0, 2, 1).contiguous()

    def __call__(self, x: Tensor) -> Tensor:
        """The convolution.

        Args:
            x: (batch, n_in, n_frames) float32.

        Returns:
            (batch, n_out, n_frames + 2 * padding - kernel + 1).
        """
        batch, _, n_frames = x.shape
        hop = self.block - self.kernel + 1
        n = n_frames + 2 * self.padding - self.kernel + 1
        n_blocks = -(-n // hop)
        behind = (n_blocks - 1) * hop + self.block - n_frames - self.padding
        blocks = functional.pad(x, (self.padding, behind)).unfold(2, self.block, hop)
        found = torch.fft.rfft(blocks).unflatten(1, (self.groups, -1))
        # (frequency, group, batch * block, in)
        rows = found.permute(4, 1, 0, 3, 2).flatten(2, 3)
        out = (rows @ self.spectrum).unflatten(2, (batch, n_blocks))
        waves = torch.fft.irfft(out.permute(2, 1, 4, 3, 0).flatten(1, 2), n=self.block)
        result: Tensor = waves[..., self.kernel - 1 :].flatten(2)[:, :, :n]
        bias = self._conv.bias
        return result if bias is None else result + bias[:, None]


def take_over(module: nn.Module) -> int:
    """Lets long convolutions within a frozen module be computed here; gives their number.

    Args:
        module: in float32 on a CPU; its weights must not change afterwards.
    """
    found = [part for part in module.modules() if isinstance(part, nn.Conv1d) and _is_long(part)]
    for part in found:
        replaced: Any = part
        replaced.forward = LongConvolution(part)
    return len(found)


def _is_long(conv: nn.Conv1d) -> bool:
    plain = conv.stride == (1,) and conv.dilation == (1,) and conv.padding_mode == "zeros"
    return plain and conv.kernel_size[0] >= MIN_KERNEL and not isinstance(conv.padding, str)
