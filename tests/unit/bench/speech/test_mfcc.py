from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bench.errors import CheckpointError, MissingError, UnknownNameError
from bench.random import numpy_generator
from bench.speech.encoder import load_encoder, save_encoder
from bench.speech.mfcc import MfccEncoder, MfccSettings


def noise(n: int, *names: str | int) -> NDArray[np.float32]:
    return np.asarray(0.1 * numpy_generator(0, "noise", *names).normal(size=n), np.float32)


def test_frames_are_counted_from_the_rate() -> None:
    encoder = MfccEncoder(MfccSettings(hop_ms=10, pool=2))
    assert encoder.frame_rate_hz == 50
    for n, frames in ((1, 1), (160, 1), (320, 1), (321, 2), (16000, 50)):
        assert encoder.encode(noise(n)[None]).shape == (1, frames, 26)


def test_frames_are_those_of_the_definition() -> None:
    wave = noise(1600)
    padded = np.pad(wave.astype(np.float64), 200)
    pieces = np.stack([padded[160 * i : 160 * i + 400] for i in range(10)]) * np.hanning(400)
    power = np.abs(pieces @ np.exp(-2j * np.pi * np.outer(np.arange(400), np.arange(257)) / 512))
    low, high = 2595 * np.log10(1 + np.array([60, 7600]) / 700)
    corners = 700 * (10 ** (np.linspace(low, high, 42) / 2595) - 1)
    hz = np.arange(257)[:, None] * 16000 / 512
    rising = (hz - corners[:-2]) / np.diff(corners)[:-1]
    falling = (corners[2:] - hz) / np.diff(corners)[1:]
    logs = np.log(power**2 @ np.minimum(rising, falling).clip(0) + 1e-6)
    cepstra = logs @ np.cos(np.pi * np.outer(np.arange(40) + 0.5, np.arange(13)) / 40)
    cepstra *= np.where(np.arange(13), 20, 40) ** -0.5
    cepstra -= cepstra.mean(axis=0)
    ends = np.concatenate([cepstra[:1], cepstra[:1], cepstra, cepstra[-1:], cepstra[-1:]])
    slopes = np.stack([np.polyfit(np.arange(5), ends[i : i + 5], 1)[0] for i in range(10)])
    found = MfccEncoder(MfccSettings(pool=1)).encode(wave[None])[0]
    np.testing.assert_allclose(found, np.concatenate([cepstra, slopes], axis=1), atol=1e-4)


def test_a_tone_excites_the_band_it_lies_in() -> None:
    encoder = MfccEncoder(MfccSettings())
    hz = np.arange(encoder._mel.shape[0]) * 16000 / 512
    peaks = hz[encoder._mel.argmax(axis=0)]
    assert (np.diff(peaks) >= 0).all()
    assert 60 < peaks[0] < 150
    assert 6500 < peaks[-1] < 7600


def test_no_frame_depends_on_the_batch() -> None:
    encoder = MfccEncoder(MfccSettings())
    waves = np.stack([noise(4000, i) for i in range(5)])
    together = encoder.encode(waves)
    for i in range(5):
        assert np.array_equal(encoder.encode(waves[i : i + 1])[0], together[i])


def test_loudness_and_line_hardly_matter_but_the_sound_does() -> None:
    encoder = MfccEncoder(MfccSettings())
    wave = noise(8000, "a")
    frames = encoder.encode(wave[None])[0]
    louder = encoder.encode(4 * wave[None])[0]
    other = encoder.encode(noise(8000, "b")[None])[0]
    assert np.abs(frames - louder).mean() < 0.02 * np.abs(frames - other).mean()


def test_fitted_frames_are_standard() -> None:
    waves = [noise(6000, i) for i in range(4)]
    encoder = MfccEncoder.fitted(MfccSettings(), waves)
    frames = np.concatenate([encoder.encode(wave[None])[0] for wave in waves])
    np.testing.assert_allclose(frames.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(frames.std(axis=0), 1, atol=1e-3)


def test_a_file_and_its_faults(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no encoder here"):
        load_encoder(tmp_path)
    encoder = MfccEncoder.fitted(MfccSettings(pool=1), [noise(6000)])
    save_encoder(tmp_path, encoder)
    again = load_encoder(tmp_path)
    assert again.frame_rate_hz == 100
    assert np.array_equal(again.encode(noise(3000)[None]), encoder.encode(noise(3000)[None]))
    file = tmp_path / "encoder.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-4])
    with pytest.raises(CheckpointError, match="is no encoder"):
        load_encoder(tmp_path)
    tensors = {"mean": np.zeros(26, np.float32), "scale": np.ones(26, np.float32)}
    for about, kind, said in (
        ("{}", CheckpointError, "is no encoder"),
        ('{"kind": "mfc", "settings": {}}', UnknownNameError, "did you mean 'mfcc'"),
        ('{"kind": "mfcc", "settings": {"pool": 0}}', CheckpointError, "pool"),
        ('{"kind": "mfcc", "settings": {"deltas": false}}', CheckpointError, "13 entries"),
    ):
        save_file(tensors, file, {"about": about})
        with pytest.raises(kind, match=said):
            load_encoder(tmp_path)
    about = '{"kind": "mfcc", "settings": {}}'
    save_file({**tensors, "scale": np.zeros(26, np.float32)}, file, {"about": about})
    with pytest.raises(CheckpointError, match="not above 0"):
        load_encoder(tmp_path)
    save_file({**tensors, "mean": np.full(26, np.nan, np.float32)}, file, {"about": about})
    with pytest.raises(CheckpointError, match="not finite"):
        load_encoder(tmp_path)
    save_file({"mean": tensors["mean"]}, file, {"about": about})
    with pytest.raises(CheckpointError, match="not mean and scale"):
        load_encoder(tmp_path)
