from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from baselines.s3prl import naming
from baselines.s3prl.embedded import EncoderUpstream, embedded
from baselines.s3prl.naming import names
from baselines.s3prl.upstream import Upstream
from bench.errors import CheckpointError, MissingError, UsageError
from bench.gslm.registry import gslm_folder
from bench.speech.encoder import Tensors, load_encoder, save_encoder
from bench.speech.mfcc import MfccEncoder, MfccSettings
from bench.speech.ssl import SslEncoder


def noise(n: int, batch: int = 1) -> NDArray[np.float32]:
    return np.asarray(np.random.default_rng(n).standard_normal((batch, n)) / 10, np.float32)


@pytest.fixture
def encoder() -> MfccEncoder:
    return MfccEncoder.fitted(MfccSettings(), [noise(16_000)[0]])


@pytest.fixture
def folder(tmp_path: Path, encoder: MfccEncoder) -> Path:
    (tmp_path / "gslm").mkdir()
    save_encoder(tmp_path / "gslm", encoder)
    return tmp_path / "gslm"


class Deep:
    """An encoder that shows three layers of 25 frames a second."""

    kind, frame_rate_hz = "deep", 25.0
    settings: dict[str, Any] = {"layers": 3}  # noqa: RUF012

    def __init__(self) -> None:
        generator = np.random.default_rng(0)
        self.tensors: Tensors = {
            "in": generator.standard_normal((640, 6)).astype(np.float32),
            "layers": generator.standard_normal((2, 6, 6)).astype(np.float32),
        }

    @classmethod
    def restore(cls, settings: dict[str, Any], tensors: Tensors) -> Deep:
        found = cls()
        found.tensors = tensors
        return found

    def hidden_states(self, waveforms: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        missing = -waveforms.shape[1] % 640
        frames = np.pad(waveforms, ((0, 0), (0, missing))).reshape(len(waveforms), -1, 640)
        layers = [np.asarray(frames @ self.tensors["in"], np.float32)]
        for weight in self.tensors["layers"]:
            layers.append(np.tanh(layers[-1] @ weight))
        return layers

    def encode(self, waveforms: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.hidden_states(waveforms)[-1]


@pytest.mark.parametrize("n_samples", [1600, 15_999, 16_001, 20_000])
def test_the_encoder_of_a_gslm_folder(folder: Path, encoder: MfccEncoder, n_samples: int) -> None:
    upstream = Upstream("mini", folder)
    assert (upstream.name, upstream.n_layers, upstream.dim, upstream.stride) == ("gslm", 1, 26, 320)
    assert upstream.n_total == 2 * 26
    waves = noise(n_samples, batch=2)
    frames = upstream(torch.from_numpy(waves))
    assert frames.shape == (1, 2, upstream.n_frames(n_samples), 26)
    assert torch.equal(frames[0], torch.from_numpy(encoder.encode(waves)))


def test_by_name_it_is_the_embedded_gslms(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naming, "gslm_folder", {"mini": folder}.__getitem__)
    assert names()[0] == "mini"
    upstream = Upstream("mini")
    assert upstream.name == "mini"
    assert upstream.fingerprint == Upstream("mini", folder).fingerprint


def test_the_embedded_encoder_shows_its_layers() -> None:
    upstream = Upstream("mini")
    assert (upstream.name, upstream.n_layers, upstream.dim, upstream.stride) == (
        "mini",
        6,
        256,
        640,
    )
    assert 3_500_000 < upstream.n_total < 4_500_000
    encoder = load_encoder(gslm_folder("mini"))
    assert isinstance(encoder, SslEncoder)
    waves = noise(7000, batch=2)
    frames = upstream(torch.from_numpy(waves))
    for got, made in zip(frames, encoder.hidden_states(waves), strict=True):
        assert torch.equal(got, made)


def test_several_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = Deep()
    monkeypatch.setitem(naming.OWN._entries, "deep", lambda: EncoderUpstream(deep))
    upstream = Upstream("deep")
    assert (upstream.n_layers, upstream.dim, upstream.stride) == (3, 6, 640)
    assert upstream.n_total == 640 * 6 + 2 * 6 * 6
    waves = noise(7000, batch=2)
    frames = upstream(torch.from_numpy(waves))
    assert frames.shape == (3, 2, 11, 6)
    for got, made in zip(frames, deep.hidden_states(waves), strict=True):
        assert torch.equal(got, torch.from_numpy(made))
    assert torch.equal(Upstream("deep", layers=(2,))(torch.from_numpy(waves))[0], frames[2])


def test_clips_of_unequal_length_do_not_see_each_other() -> None:
    module = EncoderUpstream(Deep())
    long, short = torch.from_numpy(noise(3000)[0]), torch.from_numpy(noise(1900)[0])
    together = module([long, short])["hidden_states"]
    for layer, alone in zip(together, module([short])["hidden_states"], strict=True):
        assert torch.equal(layer[1, : alone.shape[1]], alone[0])
        assert not layer[1, alone.shape[1] :].any()


def test_the_fingerprint_follows_weights_and_settings(
    folder: Path, encoder: MfccEncoder, tmp_path: Path
) -> None:
    prints = {Upstream("mini", folder).fingerprint}
    for name, other in (
        ("scale", MfccEncoder(MfccSettings(), encoder.mean, 2 * encoder.scale)),
        ("mels", MfccEncoder(MfccSettings(n_mels=30), encoder.mean, encoder.scale)),
    ):
        (tmp_path / name).mkdir()
        save_encoder(tmp_path / name, other)
        prints.add(Upstream("mini", tmp_path / name).fingerprint)
    assert len(prints) == 3


def test_what_is_no_such_upstream(folder: Path, tmp_path: Path, encoder: MfccEncoder) -> None:
    with pytest.raises(MissingError, match="no such GSLM folder"):
        Upstream("mini", tmp_path / "no")
    with pytest.raises(MissingError, match="there is no encoder here"):
        Upstream("mini", tmp_path)
    with pytest.raises(UsageError, match="has layers 0 to 0"):
        Upstream("mini", folder, layers=(1,))
    save_encoder(folder, MfccEncoder(MfccSettings(hop_ms=7, pool=1), encoder.mean, encoder.scale))
    assert Upstream("mini", folder).stride == 112
    (folder / "encoder.safetensors").write_bytes(b"junk")
    with pytest.raises(CheckpointError, match="is no encoder"):
        embedded(folder)
