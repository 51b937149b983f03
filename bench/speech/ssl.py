"""A small self-supervised speech encoder: 25 frames a second, each a distribution over 100 units.

Log-mel spectra, two convolutions that take four frames to one, and blocks of a depthwise
convolution, self-attention and a feed-forward net. It is trained to name, from any voice in any
room, the cluster of what one plain voice sounds like at that moment (`bench.recipes`); it never
sees a transcript. What is kept of a frame is the square root of its distribution, so the Euclidean
distance that k-means goes by is the Hellinger distance.

Source: targets from clusters, HuBERT (Hsu et al. 2021); the same words in other voices as input,
ContentVec (Qian et al. 2022); blocks after Conformer (Gulati et al. 2020).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from bench.speech.audio import SAMPLE_RATE_HZ
from bench.speech.encoder import Tensors
from bench.speech.log_mel import HOP, N_MELS, levelled, log_mel

POOL = 4
"""Spectral frames that one frame stands for."""


class SslSettings(BaseModel):
    """The shape of the network.

    Attributes:
        dim: of a frame's vector.
        heads: of self-attention.
        ffn_dim: of the feed-forward net.
        kernel: frames that a depthwise convolution sees.
        layers: blocks.
        n_targets: clusters it tells apart.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dim: int = Field(default=256, ge=1)
    heads: int = Field(default=4, ge=1)
    ffn_dim: int = Field(default=768, ge=1)
    kernel: int = Field(default=9, ge=1)
    layers: int = Field(default=4, ge=0)
    n_targets: int = Field(default=100, ge=2)


class Block(nn.Module):
    """Depthwise convolution, self-attention, feed-forward net; each after a norm, each added."""

    def __init__(self, settings: SslSettings) -> None:
        super().__init__()
        dim = settings.dim
        self.heads = settings.heads
        self.conv_norm = nn.LayerNorm(dim)
        self.conv_in = nn.Linear(dim, 2 * dim)
        self.conv = nn.Conv1d(dim, dim, settings.kernel, padding=settings.kernel // 2, groups=dim)
        self.conv_out = nn.Linear(dim, dim)
        self.attn_norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.ffn_norm = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, settings.ffn_dim)
        self.down = nn.Linear(settings.ffn_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_frames, dim) to the same."""
        batch, n, dim = x.shape
        gated = F.glu(self.conv_in(self.conv_norm(x)), dim=2)
        mixed = F.silu(self.conv(gated.transpose(1, 2)).transpose(1, 2))
        x = x + self.conv_out(mixed)
        heads = self.qkv(self.attn_norm(x)).view(batch, n, 3, self.heads, dim // self.heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        # Short sequences: plain products are faster here than the fused attention's backward.
        weights = ((q * (dim // self.heads) ** -0.5) @ k.transpose(2, 3)).softmax(dim=3)
        seen = (weights.to(v.dtype) @ v).transpose(1, 2).reshape(batch, n, dim)
        x = x + self.out(seen)
        moved: Tensor = x + self.down(F.gelu(self.up(self.ffn_norm(x))))
        return moved


class SslNetwork(nn.Module):
    """From levelled log-mel spectra to scores of the clusters."""

    def __init__(self, settings: SslSettings) -> None:
        super().__init__()
        dim = settings.dim
        self.first = nn.Conv1d(N_MELS, dim, 5, stride=2, padding=2)
        self.second = nn.Conv1d(dim, dim, 5, stride=2, padding=2)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(dim)
        self.cluster = nn.Linear(dim, settings.n_targets)

    def hidden_states(self, mels: Tensor) -> list[Tensor]:
        """What each layer sees and, last, the normed output.

        Args:
            mels: (batch, n, 80), n a multiple of 4.

        Returns:
            layers + 2 tensors (batch, n / 4, dim).
        """
        x = F.gelu(self.second(F.gelu(self.first(mels.transpose(1, 2))))).transpose(1, 2)
        states = [x]
        for block in self.blocks:
            x = block(x)
            states.append(x)
        return [*states, self.norm(x)]

    def forward(self, mels: Tensor) -> Tensor:
        """The normed output, (batch, n / 4, dim); see `hidden_states`."""
        return self.hidden_states(mels)[-1]


class SslEncoder:
    """The frozen network as an encoder.

    Args:
        settings: its shape.
        network: its weights.

    Attributes:
        network: frozen, unless somebody trains it on.
    """

    kind = "ssl"

    def __init__(self, settings: SslSettings, network: SslNetwork) -> None:
        self._settings = settings
        self.network = network.float().eval().requires_grad_(False)

    @classmethod
    def restore(cls, settings: dict[str, Any], tensors: Tensors) -> SslEncoder:
        """See `Encoder.restore`; weights may be kept in half precision."""
        shape = SslSettings.model_validate(settings)
        network = SslNetwork(shape)
        wanted = network.state_dict()
        if wanted.keys() != tensors.keys():
            odd = sorted(wanted.keys() ^ tensors.keys())
            raise ValueError(f"weights missing or unexpected: {', '.join(odd[:5])}")
        for name, tensor in tensors.items():
            if wanted[name].shape != tensor.shape:
                raise ValueError(
                    f"{name} has shape {tensor.shape}, not {tuple(wanted[name].shape)}"
                )
        network.load_state_dict(
            {name: torch.from_numpy(np.array(t, np.float32)) for name, t in tensors.items()}
        )
        return cls(shape, network)

    @property
    def frame_rate_hz(self) -> float:
        """25."""
        return SAMPLE_RATE_HZ / (HOP * POOL)

    @property
    def settings(self) -> dict[str, Any]:
        """See `Encoder.settings`."""
        return self._settings.model_dump()

    @property
    def tensors(self) -> Tensors:
        """The weights in half precision."""
        return {
            name: tensor.cpu().to(torch.float16).numpy()
            for name, tensor in self.network.state_dict().items()
        }

    @torch.no_grad()
    def encode(self, waveforms: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Encoder.encode`; (batch, n_frames, n_targets) square roots of probabilities."""
        return self.encode_mels(log_mel(torch.from_numpy(waveforms)))

    @torch.no_grad()
    def encode_mels(self, mels: Tensor) -> NDArray[np.float32]:
        """`encode` of spectra that were kept.

        Args:
            mels: (batch, n, 80) of `log_mel`.
        """
        likely: Tensor = self.network.cluster(self.network(prepared(mels))).softmax(dim=2).sqrt()
        return np.asarray(likely.numpy(), np.float32)

    @torch.no_grad()
    def hidden_states(self, waveforms: NDArray[np.float32]) -> list[Tensor]:
        """The layers' outputs.

        Args:
            waveforms: (batch, n_samples) at 16 kHz.

        Returns:
            layers + 2 tensors (batch, n_frames, dim).
        """
        return self.layers(torch.from_numpy(waveforms))

    def layers(self, waves: Tensor) -> list[Tensor]:
        """`hidden_states` of a tensor on the network's device, with gradients if it is trained."""
        return self.network.hidden_states(prepared(log_mel(waves)))


def prepared(mels: Tensor) -> Tensor:
    """Spectra as the network reads them: levelled, the last repeated up to a multiple of four.

    Args:
        mels: (batch, n, 80) of `log_mel`.

    Returns:
        (batch, n', 80).
    """
    mels = levelled(mels)
    missing = -mels.shape[1] % POOL
    return torch.cat([mels, mels[:, -1:].expand(-1, missing, -1)], dim=1) if missing else mels
