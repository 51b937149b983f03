"""The same words as another speaker, on another line and in another room, would sound.

Speech is made faster or slower with its pitch and its formants, its spectrum is coloured, its band
is cut, and noise is added; all of it anew for every copy.

Source: speed perturbation, Ko et al. 2015; the ranges are about those that the embedded encoder was
trained with (`bench.recipes.encoder_training.distorted`), and were not searched.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from bench.speech.audio import SAMPLE_RATE_HZ

VERSION = 1
"""Changes with every change of this file that changes a sample."""
SPEEDS = (86, 117)
"""Percent of the original's speed: lowest, and one above the highest."""
COLOUR = 0.5
"""Standard deviation of a spectrum's colour, nats of amplitude, at each of six frequencies."""
NOISE_SHARE, NOISE_DB = 0.5, (8.0, 30.0)
"""How many copies are noisy, and how far the noise lies below the loud parts of the speech."""
LOW_PASS_SHARE, LOW_PASS_HZ = 0.25, (2800.0, 7000.0)
HIGH_PASS_SHARE, HIGH_PASS_HZ = 0.2, (100.0, 400.0)
STOPPED = 0.03
"""Amplitude left outside the band."""
_FFT_MULTIPLE = 2048
"""Lengths with large prime factors are slow to transform."""


def perturbed(samples: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
    """A copy of speech as another would have said it elsewhere.

    Args:
        samples: (n,) at 16 kHz, n >= 1.
        generator: draws all that is random.

    Returns:
        (about n / speed,) float32 within [-1, 1].
    """
    samples = _at_speed(samples, int(generator.integers(*SPEEDS)))
    n, n_fft = len(samples), -(-len(samples) // _FFT_MULTIPLE) * _FFT_MULTIPLE
    spectrum = np.fft.rfft(samples, n_fft)
    hz = np.linspace(0, SAMPLE_RATE_HZ / 2, len(spectrum))
    pitch = np.log1p(hz / 700) / np.log1p(SAMPLE_RATE_HZ / 2 / 700)  # mel, 0 to 1
    spectrum *= _colour(pitch, generator.normal(0, COLOUR, 6))
    if generator.random() < LOW_PASS_SHARE:
        spectrum[hz > generator.uniform(*LOW_PASS_HZ)] *= STOPPED
    if generator.random() < HIGH_PASS_SHARE:
        spectrum[hz < generator.uniform(*HIGH_PASS_HZ)] *= STOPPED
    found = np.fft.irfft(spectrum, n_fft)[:n]
    if generator.random() < NOISE_SHARE:
        white = np.fft.rfft(generator.normal(size=n_fft))
        noise = np.fft.irfft(white * _colour(pitch, generator.normal(0, 1.5 * COLOUR, 5)))[:n]
        below = 10 ** (-generator.uniform(*NOISE_DB) / 20)
        found += noise * (below * _loudness(found) / max(_loudness(noise), 1e-9))
    return np.asarray(found / max(1.0, np.abs(found).max()), np.float32)


def _at_speed(samples: NDArray[np.float32], percent: int) -> NDArray[np.float32]:
    from torchaudio.functional import resample

    if percent == 100:
        return samples
    found: NDArray[np.float32] = resample(torch.from_numpy(samples), percent, 100).numpy()
    return found


def _colour(pitch: NDArray[np.float64], nats: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(np.interp(pitch, np.linspace(0, 1, len(nats)), nats))


def _loudness(samples: NDArray[np.float64]) -> float:
    """Root mean square of the louder quarter."""
    power = np.sort(samples * samples)
    return float(np.sqrt(power[-(-len(power) * 3 // 4) - 1 :].mean()))
