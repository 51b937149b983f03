"""Log-mel spectra whose level does not matter."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from bench.speech.audio import SAMPLE_RATE_HZ

N_MELS = 80
HOP = 160
"""Samples from one frame to the next: 10 ms."""
_WINDOW, _N_FFT = 400, 512
_FLOOR, _RANGE = 1e-7, 14.0


def log_mel(waveforms: Tensor) -> Tensor:
    """Natural logarithm of the power in 80 mel bands from 20 Hz to 7.6 kHz, every 10 ms.

    Args:
        waveforms: (batch, n_samples) float32 at 16 kHz.

    Returns:
        (batch, n_samples // 160 + 1, 80).
    """
    spectra = torch.stft(
        waveforms,
        _N_FFT,
        HOP,
        _WINDOW,
        torch.hann_window(_WINDOW, device=waveforms.device),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    power = spectra.abs().square().transpose(1, 2)
    return torch.log(power @ _bands().to(waveforms.device) + _FLOOR)


def levelled(mels: Tensor) -> Tensor:
    """Log-mel spectra relative to the utterance's loud frames, about -2.3 to 2.3.

    Args:
        mels: (batch, n_frames, 80).

    Returns:
        The same shape; what lies more than 14 nats below the loudest twentieth is cut off.
    """
    loud = torch.quantile(torch.logsumexp(mels, dim=2), 0.95, dim=1)
    return ((mels - loud[:, None, None]).clamp(min=-_RANGE) + _RANGE / 2) / 3


@cache
def _bands() -> Tensor:
    """(257, 80) triangles."""
    from torchaudio.functional import melscale_fbanks

    bands: Tensor = melscale_fbanks(
        _N_FFT // 2 + 1, 20.0, 7600.0, N_MELS, SAMPLE_RATE_HZ, norm=None, mel_scale="htk"
    )
    return bands
