from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.random import numpy_generator
from bench.speech import perturbation
from bench.speech.perturbation import perturbed

Wave = NDArray[np.float32]


def tones(*hz: float, level: float = 0.3) -> Wave:
    """A second of them."""
    times = np.arange(16000) / 16000
    return np.asarray(level * np.sin(2 * np.pi * np.outer(hz, times)).sum(axis=0), np.float32)


def loudest_hz(samples: Wave) -> float:
    return float(np.fft.rfftfreq(len(samples), 1 / 16000)[np.abs(np.fft.rfft(samples)).argmax()])


def test_speed_moves_length_and_frequencies_against_each_other() -> None:
    seen = set()
    for i in range(40):
        found = perturbed(tones(1000), numpy_generator(0, i))
        speed = 16000 / len(found)
        assert 0.85 < speed < 1.17
        assert loudest_hz(found) == pytest.approx(1000 * speed, rel=0.01)
        seen.add(len(found))
    assert len(seen) > 10


def test_colour_band_and_noise_are_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perturbation, "SPEEDS", (100, 101))
    clean = tones(250, 500, 1000, 2000, 4000, 7500, level=0.1)
    copies = [perturbed(clean, numpy_generator(0, i)) for i in range(60)]
    assert all(len(copy) == len(clean) for copy in copies)
    spectra = np.abs([np.fft.rfft(copy) for copy in copies]) / (0.05 * len(clean))
    found = spectra[:, [250, 500, 1000, 2000, 4000, 7500]]
    assert np.log(found[:, 2]).std() == pytest.approx(0.4, abs=0.2)  # between two knots
    gone = found[:, 5] < 0.2
    assert 6 <= gone.sum() <= 30  # a quarter is expected
    quiet = np.median(spectra[:, 3000:3500], axis=1)
    assert 15 <= (quiet > 1e-4).sum() <= 45  # noisy; a half is expected


@given(st.integers(1, 5000), st.floats(0, 1), st.integers(0, 99))
def test_any_audio_stays_audio(n: int, level: float, seed: int) -> None:
    samples = np.asarray(level * numpy_generator(seed, "audio").normal(size=n), np.float32)
    found = perturbed(samples, numpy_generator(seed, "copy"))
    assert found.dtype == np.float32
    assert len(found) >= 1
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 1
    assert np.array_equal(found, perturbed(samples, numpy_generator(seed, "copy")))
