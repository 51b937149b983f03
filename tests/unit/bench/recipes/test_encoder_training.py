from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.progress import Progress
from bench.recipes import encoder_training
from bench.recipes.encoder_training import Targets, distorted, train_encoder
from bench.recipes.plain_clusters import stationary, stretches
from bench.recipes.spoken import ParallelSpeech, parallel_speech

QUIET = Progress(quiet=True)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> ParallelSpeech:
    return parallel_speech(24, tmp_path_factory.mktemp("speech"), QUIET)


def targets_of(speech: ParallelSpeech) -> Targets:
    return Targets(stationary(speech.plain, 8, 0), 8, stretches(speech.plain, 12, 0), 12)


def test_a_killed_training_ends_as_an_undisturbed_one(
    speech: ParallelSpeech, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_training, "BATCH_FRAMES", 3000)
    targets = targets_of(speech)
    _, whole = train_encoder(speech, targets, 2.0, tmp_path / "whole", 0, QUIET)

    monkeypatch.setattr(encoder_training, "SAVE_EVERY_S", 0.0)
    calls = 0

    def distorted_and_killed(mels: torch.Tensor, draws: torch.Generator) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return distorted(mels, draws)

    monkeypatch.setattr(encoder_training, "distorted", distorted_and_killed)
    with pytest.raises(KeyboardInterrupt):
        train_encoder(speech, targets, 2.0, tmp_path / "killed", 0, QUIET)
    _, resumed = train_encoder(speech, targets, 2.0, tmp_path / "killed", 0, QUIET)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    assert calls > 5


def test_it_learns(
    speech: ParallelSpeech, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    targets = targets_of(speech)
    train_encoder(speech, targets, 30.0, tmp_path, 0, Progress())
    rows = [line for line in capsys.readouterr().err.splitlines() if "frames right" in line]
    share = float(rows[-1].split("frames right ")[1].split()[0])
    units = np.concatenate(targets.units)
    assert share > 100 * np.bincount(units).max() / len(units) + 5


def test_distortion_is_drawn_by_its_generator_and_keeps_the_shape() -> None:
    mels = torch.randn(3, 100, 80, generator=torch.Generator().manual_seed(1))
    one, two, other = (distorted(mels, torch.Generator().manual_seed(seed)) for seed in (2, 2, 3))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert one.shape == mels.shape
    assert bool(torch.isfinite(one).all())
