from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from baselines.s3prl import naming
from baselines.s3prl.naming import factory, names
from baselines.s3prl.upstream import Upstream
from bench.errors import BenchError, CheckpointError, MissingError, UnknownNameError, UsageError
from tests.tiny_hubert import save_hugging_face_hubert


def noise(n: int, batch: int = 1) -> torch.Tensor:
    return 0.1 * torch.randn(batch, n, generator=torch.Generator().manual_seed(n))


@pytest.fixture(scope="module")
def hugging_face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_hugging_face_hubert(tmp_path_factory.mktemp("models") / "tiny-hubert")


def test_names_cover_s3prls_and_nothing_that_star_imports_drag_in() -> None:
    listed = names()
    assert listed[0] == "mini"
    assert {"fbank", "fbank_no_cmvn", "mfcc", "apc", "hubert", "wav2vec2", "wavlm"} <= set(listed)
    assert not {"Path", "FileLock", "load_and_convert_fairseq_ckpt", "hubert_local"} & set(listed)


@pytest.mark.parametrize(
    ("name", "n_layers", "dim", "stride"),
    [("fbank", 1, 240, 160), ("mfcc", 1, 39, 160), ("waves", 3, 8, 320)],
)
@pytest.mark.parametrize("n_samples", [1, 399, 801, 1601, 16_000])
def test_frames_of_every_length(
    name: str, n_layers: int, dim: int, stride: int, n_samples: int
) -> None:
    upstream = Upstream(name)
    frames = upstream(noise(n_samples, batch=2))
    assert frames.shape == (n_layers, 2, upstream.n_frames(n_samples), dim)
    assert (upstream.n_layers, upstream.dim, upstream.stride) == (n_layers, dim, stride)
    assert not frames.requires_grad


def test_loading_and_running_leave_the_global_generators_alone() -> None:
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # type: ignore[index]
    Upstream("fbank")(noise(1600))
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # type: ignore[index]
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])


def test_it_is_frozen_and_in_evaluation_mode(hugging_face: Path) -> None:
    upstream = Upstream(str(hugging_face))
    assert not any(p.requires_grad for p in upstream.module.parameters())
    assert not any(m.training for m in upstream.module.modules())
    assert upstream.n_total == sum(p.numel() for p in upstream.module.parameters()) > 1000


def test_layers_and_normalisation_are_s3prls() -> None:
    whole, some = Upstream("waves"), Upstream("waves", layers=(2, 0))
    wave = noise(4000)
    assert some.layers == (0, 2)
    assert torch.equal(some(wave), whole(wave)[[0, 2]])
    normal = Upstream("waves", normalize=True)(wave)
    assert torch.allclose(normal.mean(dim=-1), torch.zeros(()), atol=1e-5)
    for layers in ((3,), (-1,), ()):
        with pytest.raises(UsageError, match="has layers 0 to 2"):
            Upstream("waves", layers=layers)


def test_the_fingerprint_follows_weights_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    prints = [
        Upstream("fbank").fingerprint,
        Upstream("fbank_no_cmvn").fingerprint,
        Upstream("waves").fingerprint,
        Upstream("waves", layers=(1,)).fingerprint,
        Upstream("waves", normalize=True).fingerprint,
    ]
    assert len(set(prints)) == 5
    assert Upstream("waves").fingerprint == prints[2]
    build = naming.OWN.get("waves")

    def changed() -> torch.nn.Module:
        module = build()
        next(module.parameters()).data[0] += 1e-3
        return module

    monkeypatch.setitem(naming.OWN._entries, "waves", changed)
    assert Upstream("waves").fingerprint not in prints


@pytest.mark.parametrize(
    ("file", "setting"),
    [
        ("preprocessor_config.json", {"do_normalize": False}),
        ("config.json", {"hidden_act": "relu"}),
    ],
)
def test_the_fingerprint_follows_the_settings_of_a_hugging_face_folder(
    hugging_face: Path, tmp_path: Path, file: str, setting: dict[str, object]
) -> None:
    folder = shutil.copytree(hugging_face, tmp_path / "tiny-hubert")
    wave = noise(4000)
    before = Upstream(str(folder))
    content = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(content | setting))
    after = Upstream(str(folder))
    assert not torch.equal(before(wave), after(wave))
    assert after.fingerprint != before.fingerprint


def test_a_folder_named_like_an_upstream_does_not_hide_it(
    hugging_face: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(hugging_face, tmp_path / "fbank")
    assert Upstream("fbank").dim == 240
    assert Upstream("./fbank").dim == 16
    shutil.copytree(hugging_face, tmp_path / "mine")
    assert Upstream("mine").dim == 16


def test_a_hugging_face_folder_by_path_and_as_checkpoint(hugging_face: Path) -> None:
    by_path = Upstream(str(hugging_face))
    assert (by_path.name, by_path.n_layers, by_path.dim) == ("tiny-hubert", 3, 16)
    for name in ("hubert", "hf_hubert_custom"):
        same = Upstream(name, hugging_face)
        assert same.fingerprint == by_path.fingerprint
    in_bf16 = Upstream(str(hugging_face), precision="bf16")
    assert in_bf16.bf16
    exact, rounded = by_path(noise(8000)), in_bf16(noise(8000))
    assert 0 < float((exact - rounded).norm() / exact.norm()) < 0.03


def test_what_a_hugging_face_folder_may_lack(hugging_face: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    def copy(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for file in hugging_face.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        return folder

    with pytest.raises(CheckpointError, match="'hubert' model, not 'wav2vec2'"):
        Upstream("wav2vec2", hugging_face)
    folder = copy("no-preprocessor")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(MissingError, match="lacks preprocessor_config"):
        Upstream(str(folder))
    folder = copy("no-config")
    (folder / "config.json").unlink()
    with pytest.raises(MissingError, match="no folder of a Hugging Face model"):
        Upstream(str(folder))
    folder = copy("other-kind")
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(CheckpointError, match="'bert' model"):
        Upstream(str(folder))
    folder = copy("half")
    tensors = load_file(folder / "model.safetensors")
    dropped = next(name for name in sorted(tensors) if "layers.1" in name)
    save_file({k: v for k, v in tensors.items() if k != dropped}, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match="lacks 1 tensors"):
        Upstream(str(folder))


def test_a_checkpoint_of_the_family_is_read_locally() -> None:
    for name in ("hubert", "hubert_large_ll60k", "wavlm_base", "apc_960hr", "distilhubert"):
        assert factory(name, Path(__file__))[0] == f"{name}_test_upstream"


def wrong(name: str, checkpoint: Path | None = None) -> str:
    with pytest.raises(BenchError) as caught:
        Upstream(name, checkpoint)
    return f"{type(caught.value).__name__}: {caught.value}"


def test_what_cannot_be_loaded_is_explained(tmp_path: Path) -> None:
    assert "did you mean 'fbank_no_cmvn'" in wrong("fbank_no_cmvm")
    assert "give --upstream-ckpt PATH" in wrong("hubert_local")
    assert "takes no --upstream-ckpt" in wrong("waves", tmp_path)
    assert wrong("hubert", tmp_path / "no.pt").startswith("MissingError")
    junk = tmp_path / "junk.pt"
    junk.write_bytes(b"junk")
    assert wrong("hubert", junk).startswith("CheckpointError")
    torch.save({"something": torch.zeros(3)}, tmp_path / "other.pt")
    told = wrong("hubert", tmp_path / "other.pt")
    assert told.startswith("CheckpointError")
    assert "checkpoint of another architecture" in told
    with pytest.raises(UnknownNameError):
        Upstream("Path")


def test_weights_that_cannot_be_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    import s3prl.hub

    def offline(**_: object) -> torch.nn.Module:
        raise ConnectionError("no network")

    offline.__module__ = s3prl.hub.hubert.__module__
    monkeypatch.setattr(s3prl.hub, "hubert", offline)
    assert "could not be downloaded (ConnectionError: no network)" in wrong("hubert")


def test_bf16_is_refused_where_it_spoils_the_features() -> None:
    with pytest.raises(UsageError, match="log-mel features, which bfloat16 spoils"):
        Upstream("fbank", precision="bf16")
    assert not Upstream("fbank", precision="auto", auto_is_bf16=True).bf16
