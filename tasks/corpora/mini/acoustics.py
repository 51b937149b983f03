"""From the synthesiser's samples to a recording: resampling, room, line and background.

Everything is computed in integers, or in float64 on integers so small that every sum is exact in
any order; filter taps are rounded to integers first. So a recording is the same to the last bit
whatever the processor, its vector instructions, the BLAS or the version of numpy.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.random import derive
from tasks.corpora.mini.draw import SEED
from tasks.corpora.mini.speakers import Background, Band, Speaker

SAMPLE_RATE_HZ = 16000
ACOUSTICS_VERSION = "1"
"""Changes with every change of this file that changes a sample."""

_UP, _DOWN = 320, 441  # 22050 * 320 / 441 = 16000
_UNIT = 4096  # 1.0 of gains and taps
_HALF_WIDTH = 20  # of the resampling filter, input samples each side

Samples = NDArray[np.int64]


def resample(samples: NDArray[np.int16]) -> Samples:
    """22050 Hz to 16000 Hz by a windowed sinc.

    Args:
        samples: (n,) int16.

    Returns:
        (about n * 320 / 441,) int64 in 16-bit steps.
    """
    if not len(samples):
        return np.zeros(0, np.int64)
    n_blocks = -(-len(samples) // _DOWN)
    padded = np.zeros(n_blocks * _DOWN + 2 * _HALF_WIDTH, np.float64)
    padded[_HALF_WIDTH : _HALF_WIDTH + len(samples)] = samples
    windows = np.lib.stride_tricks.sliding_window_view(padded, _DOWN + 2 * _HALF_WIDTH)[::_DOWN]
    # |sample| < 2**15, at most 41 taps below 2**12: sums stay below 2**33, exact in float64.
    exact = (windows @ _resampling_taps()).astype(np.int64).reshape(-1)
    return _scaled_down(exact[: len(samples) * _UP // _DOWN])


def record(speech: Samples, speaker: Speaker, lead: int, tail: int, *names: str) -> Samples:
    """What the microphone hears of a speaker, the surroundings included.

    Args:
        speech: (n,) at 16 kHz; silent or empty for a recording of the background alone.
        speaker: says how it is spoken and where.
        lead: samples before the speech.
        tail: samples after it.
        names: of the utterance; decide the noise.

    Returns:
        (lead + n + tail,) within int16.
    """
    dry = np.concatenate([np.zeros(lead, np.int64), speech, np.zeros(tail, np.int64)])
    if speaker.tilt:
        dry[1:] += dry[:-1] * speaker.tilt >> 7
    wet = _with_echoes(dry, speaker)
    loudness = _rms(wet[lead : lead + len(speech)])
    if loudness:
        wet = wet * speaker.level // loudness
    noise = background(speaker.background, len(wet), *names)
    wet += noise * (speaker.level * speaker.noise) // (_UNIT * max(1, _rms(noise)))
    return np.clip(_through(speaker.band, wet), -32768, 32767)


def background(kind: Background, n: int, *names: str) -> Samples:
    """Noise of one kind, of no particular level.

    Args:
        kind: `white`; `pink`, falling by about 3 dB an octave; `rumble`, by 6; `hum` of mains with
            a little pink noise.
        n: samples.
        names: decide the noise.
    """
    if not n:
        return np.zeros(0, np.int64)
    taps = _NOISE_TAPS["pink" if kind == "hum" else kind]
    generator = np.random.PCG64(derive(SEED, "noise", *names))
    n_white = n + len(taps) - 1
    # Raw words: the one stream that numpy promises to keep. Four 16-bit numbers each, summed.
    words = np.asarray(generator.random_raw(n_white), "<u8")
    white = words.view("<u2").reshape(-1, 4).astype(np.int64).sum(axis=1) - 2 * 65535
    noise = _filtered(white, taps, shift=8)
    if kind == "hum":
        period = _hum_period()
        start = int(words[0] % len(period))
        noise = noise + 4 * np.resize(np.roll(period, -start), n) * _rms(noise) // _UNIT
    return noise


def _with_echoes(dry: Samples, speaker: Speaker) -> Samples:
    """Direct sound and a sparse train of echoes, dying away; the same at every utterance."""
    if not speaker.room:
        return dry
    wet = dry * _UNIT
    last = speaker.echo_ms * SAMPLE_RATE_HZ // 1000
    for i in range(speaker.room):
        bits = derive(SEED, "echo", speaker.name, i)
        delay = 40 + bits % (last - 40)
        gain = speaker.echo * (last - delay) ** 2 // last**2
        gain = -gain if bits >> 40 & 1 else gain
        if delay < len(dry):
            wet[delay:] += dry[: len(dry) - delay] * gain
    return _scaled_down(wet)


def _through(band: Band, samples: Samples) -> Samples:
    if band == "full" or not len(samples):
        return samples
    taps = _band_taps(band)
    half = len(taps) // 2
    return _filtered(np.pad(samples, (half, half)), taps, shift=12)


def _filtered(samples: Samples, taps: NDArray[np.int64], *, shift: int) -> Samples:
    """Convolution where the taps overlap fully; the result is divided by 2**shift."""
    # |sample| < 2**18, taps sum below 2**15: exact in float64, which is convolved faster.
    exact = np.convolve(samples.astype(np.float64), taps.astype(np.float64), mode="valid")
    return (exact.astype(np.int64) + (1 << shift - 1)) >> shift


def _scaled_down(samples: Samples) -> Samples:
    return (samples + _UNIT // 2) >> 12


def _rms(samples: Samples) -> int:
    """Root mean square, rounded down; 0 for no samples."""
    return math.isqrt(int((samples * samples).sum()) // len(samples)) if len(samples) else 0


@cache
def _resampling_taps() -> NDArray[np.float64]:
    """(441 + 40, 320): what each input of a block gives to each of its outputs, in 1/4096."""
    taps = np.zeros((_DOWN + 2 * _HALF_WIDTH, _UP))
    cutoff = 0.94 * _UP / _DOWN
    for j in range(_UP):
        centre = j * _DOWN / _UP
        first = math.ceil(centre - _HALF_WIDTH)
        for i in range(first, math.floor(centre + _HALF_WIDTH) + 1):
            taps[i + _HALF_WIDTH, j] = _tap((i - centre), cutoff, _HALF_WIDTH)
    return taps


def _tap(offset: float, cutoff: float, half_width: float) -> int:
    """A Hann-windowed sinc; `cutoff` relative to half the sample rate."""
    angle = math.pi * offset * cutoff
    sinc = 1.0 if abs(angle) < 1e-9 else math.sin(angle) / angle
    window = 0.5 + 0.5 * math.cos(math.pi * offset / half_width)
    return round(_UNIT * cutoff * sinc * window)


@cache
def _band_taps(band: Band) -> NDArray[np.int64]:
    """Linear-phase filters: up to 3.4 or 5.5 kHz, and the telephone's 0.3 to 3.4 kHz."""
    half = 50
    upper = {"narrow": 5500, "muffled": 3400, "telephone": 3400}[band] / (SAMPLE_RATE_HZ / 2)
    taps = [_tap(i, upper, half) for i in range(-half, half + 1)]
    if band == "telephone":
        lower = [_tap(i, 300 / (SAMPLE_RATE_HZ / 2), half) for i in range(-half, half + 1)]
        taps = [a - b for a, b in zip(taps, lower, strict=True)]
    return np.array(taps, np.int64)


@cache
def _hum_period() -> Samples:
    """20 ms of 50 Hz with harmonics; root mean square about 1 in units of 4096."""
    n = SAMPLE_RATE_HZ // 50
    weights = ((1, 1.0), (2, 0.5), (3, 0.4), (5, 0.2))
    return np.array(
        [
            round(_UNIT * 1.2 * sum(w * math.sin(2 * math.pi * k * i / n) for k, w in weights))
            for i in range(n)
        ],
        np.int64,
    )


_NOISE_TAPS: dict[str, NDArray[np.int64]] = {
    "white": np.array([256], np.int64),
    "pink": np.array([256, 108, 76, 60, 50, 44, 39, 35, 32, 29, 27, 25, 24, 22, 21, 20], np.int64),
    "rumble": np.array([256 - 4 * i for i in range(64)], np.int64),
}
