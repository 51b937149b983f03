"""Mel-frequency cepstral coefficients: the encoder that needs no training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.fft import dct

from bench.speech.audio import SAMPLE_RATE_HZ
from bench.speech.encoder import Tensors

BAND_HZ = (60.0, 7600.0)
"""What the bands span."""


class MfccSettings(BaseModel):
    """What decides the coefficients.

    Attributes:
        n_mels: bands, evenly spaced in mel from 60 Hz to 7.6 kHz.
        n_coefficients: cepstral coefficients kept, the zeroth among them.
        deltas: append slopes over five frames.
        window_ms: length of a Hann window.
        hop_ms: from one frame to the next.
        pool: frames that are averaged into one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_mels: int = Field(default=40, ge=2)
    n_coefficients: int = Field(default=13, ge=1)
    deltas: bool = True
    window_ms: int = Field(default=25, ge=2)
    hop_ms: int = Field(default=10, ge=1)
    pool: int = Field(default=2, ge=1)


class MfccEncoder:
    """MFCCs, their mean over the utterance taken off, then standardised.

    Args:
        settings: see there.
        mean: (dim,) float32, subtracted; None for zeros.
        scale: (dim,) float32, divided by; None for ones.

    Raises:
        ValueError: if mean or scale are of another shape, or a scale is not above 0.
    """

    kind = "mfcc"

    def __init__(
        self,
        settings: MfccSettings,
        mean: NDArray[np.float32] | None = None,
        scale: NDArray[np.float32] | None = None,
    ) -> None:
        self._settings = settings
        dim = settings.n_coefficients * (2 if settings.deltas else 1)
        self.mean = np.zeros(dim, np.float32) if mean is None else mean
        self.scale = np.ones(dim, np.float32) if scale is None else scale
        if self.mean.shape != (dim,) or self.scale.shape != (dim,):
            raise ValueError(f"mean and scale must have {dim} entries")
        if not (self.scale > 0).all():
            raise ValueError("a scale is not above 0")

    @classmethod
    def restore(cls, settings: dict[str, Any], tensors: Tensors) -> MfccEncoder:
        """See `Encoder.restore`."""
        if set(tensors) != {"mean", "scale"}:
            raise ValueError(f"holds {sorted(tensors)}, not mean and scale")
        return cls(MfccSettings.model_validate(settings), tensors["mean"], tensors["scale"])

    @classmethod
    def fitted(
        cls, settings: MfccSettings, waveforms: Sequence[NDArray[np.float32]]
    ) -> MfccEncoder:
        """An encoder whose frames of these waveforms have mean 0 and deviation 1."""
        plain = cls(settings)
        frames = np.concatenate([plain.encode(wave[None])[0] for wave in waveforms])
        scale = np.maximum(frames.std(axis=0), 1e-3).astype(np.float32)
        return cls(settings, frames.mean(axis=0).astype(np.float32), scale)

    @property
    def frame_rate_hz(self) -> float:
        """Frames a second after pooling."""
        return 1000 / (self._settings.hop_ms * self._settings.pool)

    @property
    def settings(self) -> dict[str, Any]:
        """See `Encoder.settings`."""
        return self._settings.model_dump()

    @property
    def tensors(self) -> Tensors:
        """Mean and scale."""
        return {"mean": self.mean, "scale": self.scale}

    def encode(self, waveforms: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Encoder.encode`; a frame every hop and at the start, then pooled, rounded up."""
        return np.stack([self._frames(wave.astype(np.float64)) for wave in waveforms])

    def _frames(self, wave: NDArray[np.float64]) -> NDArray[np.float32]:
        settings = self._settings
        window, hop = (SAMPLE_RATE_HZ * ms // 1000 for ms in (settings.window_ms, settings.hop_ms))
        padded = np.pad(wave, (window // 2, window - window // 2))
        pieces = np.lib.stride_tricks.sliding_window_view(padded, window)[: len(wave) : hop]
        spectrum = np.fft.rfft(pieces * np.hanning(window), n=self._n_fft)
        bands = np.log((spectrum.real**2 + spectrum.imag**2) @ self._mel + 1e-6)
        frames = dct(bands, norm="ortho", axis=1)[:, : settings.n_coefficients]
        frames -= frames.mean(axis=0)
        if settings.deltas:
            frames = np.concatenate([frames, _slopes(frames)], axis=1)
        if settings.pool > 1:
            missing = -len(frames) % settings.pool
            frames = np.pad(frames, ((0, missing), (0, 0)), mode="edge")
            frames = frames.reshape(-1, settings.pool, frames.shape[1]).mean(axis=1)
        return np.asarray((frames - self.mean) / self.scale, np.float32)

    @property
    def _n_fft(self) -> int:
        return 1 << math.ceil(math.log2(SAMPLE_RATE_HZ * self._settings.window_ms / 1000))

    @cached_property
    def _mel(self) -> NDArray[np.float64]:
        """(n_fft / 2 + 1, n_mels): triangles that overlap by half."""
        from torchaudio.functional import melscale_fbanks

        bins, n_mels = self._n_fft // 2 + 1, self._settings.n_mels
        found = melscale_fbanks(bins, *BAND_HZ, n_mels, SAMPLE_RATE_HZ)
        return np.asarray(found.numpy(), np.float64)


def _slopes(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_frames, dim): of a line through five frames; the first and the last go on outside."""
    from torchaudio.functional import compute_deltas

    slopes: NDArray[np.float64] = compute_deltas(torch.from_numpy(frames.T.copy())).T.numpy()
    return slopes
