"""The upstream `mini`: the encoder that a GSLM folder carries, behind s3prl's interface."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from bench.errors import CheckpointError
from bench.speech.audio import SAMPLE_RATE_HZ
from bench.speech.encoder import Encoder, load_encoder


@runtime_checkable
class Layered(Protocol):
    """An encoder that shows all of its layers."""

    def hidden_states(self, waveforms: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        """What each layer makes of waveforms of equal length.

        Args:
            waveforms: (batch, n_samples) at 16 kHz.

        Returns:
            The input of the first layer, then the output of each: (batch, n_frames, dim) float32.
        """
        ...


@runtime_checkable
class Differentiable(Protocol):
    """An encoder whose layers are made by a network of torch, through which gradients pass."""

    @property
    def network(self) -> nn.Module:
        """Holds the weights."""
        ...

    def layers(self, waves: Tensor) -> list[Tensor]:
        """See `Layered.hidden_states`; on the device of the waves, which is the network's."""
        ...


class EncoderUpstream(nn.Module):
    """An encoder as an upstream: of all its layers, or of its output where it shows no others.

    Args:
        encoder: of a GSLM.

    Attributes:
        identity: what else than its weights decides what it gives.

    Raises:
        ValueError: if a frame of the encoder is no whole number of samples.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        stride = SAMPLE_RATE_HZ / encoder.frame_rate_hz
        self.stride = round(stride)
        if abs(stride - self.stride) > 1e-6:
            raise ValueError(f"a frame of {stride:g} samples is no whole number of samples")
        self.identity = json.dumps([encoder.kind, encoder.settings], sort_keys=True)
        if isinstance(encoder, Differentiable):
            # Frozen by the encoder; whether it stays so is for the upstream's user to say.
            self.network = encoder.network.requires_grad_(True)

    def weights(self) -> dict[str, Tensor]:
        """What the encoder was trained to, as its file would keep it."""
        return {
            name.replace(".", "_"): torch.from_numpy(np.array(tensor))
            for name, tensor in self.encoder.tensors.items()
        }

    def get_downsample_rates(self, _: str) -> int:
        """Samples a frame."""
        return self.stride

    def forward(self, wavs: Sequence[Tensor]) -> dict[str, list[Tensor]]:
        """The frames of waveforms.

        Args:
            wavs: each (n_samples,) float32 at 16 kHz.

        Returns:
            `hidden_states`: each layer's (batch, n_frames, dim), zeros behind shorter clips.
        """
        if len({len(wav) for wav in wavs}) == 1:
            return {"hidden_states": self._layers(torch.stack(list(wavs)))}
        alone = [self._layers(wav[None]) for wav in wavs]
        layers = [
            pad_sequence([frames[0] for frames in layer], batch_first=True)
            for layer in zip(*alone, strict=True)
        ]
        return {"hidden_states": layers}

    def _layers(self, waves: Tensor) -> list[Tensor]:
        encoder = self.encoder
        if isinstance(encoder, Differentiable):
            return encoder.layers(waves)
        samples = waves.detach().cpu().numpy()
        if isinstance(encoder, Layered):
            layers = encoder.hidden_states(samples)
        else:
            layers = [encoder.encode(samples)]
        return [torch.from_numpy(np.asarray(layer)).to(waves.device) for layer in layers]


def embedded(folder: Path) -> EncoderUpstream:
    """The upstream that a GSLM folder carries.

    Raises:
        MissingError: if it carries no encoder.
        CheckpointError: if the encoder is damaged or no upstream.
    """
    try:
        return EncoderUpstream(load_encoder(folder))
    except ValueError as error:
        raise CheckpointError(str(error), where=str(folder)) from error
