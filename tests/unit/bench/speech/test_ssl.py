from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.errors import CheckpointError
from bench.speech.encoder import load_encoder, save_encoder
from bench.speech.log_mel import levelled, log_mel
from bench.speech.ssl import SslEncoder, SslNetwork, SslSettings

SMALL = SslSettings(dim=16, heads=2, ffn_dim=24, kernel=3, layers=2, n_targets=7)


def encoder() -> SslEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SslEncoder(SMALL, SslNetwork(SMALL))


def noise(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(0).normal(0, 0.1, shape).astype(np.float32)


@pytest.mark.parametrize(("n_samples", "n_frames"), [(1, 1), (479, 1), (640, 2), (16000, 26)])
def test_a_frame_every_40_ms(n_samples: int, n_frames: int) -> None:
    frames = encoder().encode(noise(2, n_samples))
    assert frames.shape == (2, n_frames, 7)
    np.testing.assert_allclose((frames**2).sum(axis=2), 1.0, rtol=1e-5)  # probabilities
    assert encoder().frame_rate_hz == 25


def test_frames_do_not_depend_on_neighbours_or_on_the_level() -> None:
    waves = noise(3, 8000)
    together = encoder().encode(waves)
    for wave, frames in zip(waves, together, strict=True):
        np.testing.assert_allclose(encoder().encode(wave[None])[0], frames, atol=1e-5)
    np.testing.assert_allclose(encoder().encode(waves * 3.0), together, atol=1e-3)


def test_it_comes_back_from_its_file_and_refuses_another(tmp_path: Path) -> None:
    save_encoder(tmp_path, encoder())
    again = load_encoder(tmp_path)
    assert again.kind == "ssl"
    # Kept in half precision.
    np.testing.assert_allclose(
        again.encode(noise(1, 8000)), encoder().encode(noise(1, 8000)), atol=2e-3
    )
    tensors = dict(again.tensors)
    del tensors["norm.weight"]
    with pytest.raises(ValueError, match=r"missing or unexpected: norm\.weight"):
        SslEncoder.restore(SMALL.model_dump(), tensors)
    with pytest.raises(ValueError, match=r"cluster.* has shape"):
        SslEncoder.restore(SMALL.model_dump() | {"n_targets": 8}, again.tensors)
    (tmp_path / "encoder.safetensors").write_bytes(b"no")
    with pytest.raises(CheckpointError):
        load_encoder(tmp_path)


def test_hidden_states_are_all_layers() -> None:
    states = encoder().hidden_states(noise(2, 8000))
    assert [tuple(state.shape) for state in states] == [(2, 13, 16)] * 4


def test_a_tone_lies_in_its_band() -> None:
    at = torch.arange(16000) / 16000
    low, high = (log_mel(torch.sin(6.2832 * hz * at)[None])[0, 50] for hz in (300, 3000))
    assert int(low.argmax()) < int(high.argmax())
    quiet = levelled(log_mel(1e-3 * torch.randn(1, 16000)))
    assert float(quiet.max()) <= 14 / 6 + 0.5
