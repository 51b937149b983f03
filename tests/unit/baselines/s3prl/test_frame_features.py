from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from baselines.s3prl.extraction import extract
from baselines.s3prl.frame_features import Budget, FrameFeatures
from baselines.s3prl.upstream import Upstream
from bench.errors import DataError, UsageError
from bench.progress import Progress
from tasks.asr import ASR
from tasks.corpora.opening import open_corpus
from tasks.corpora.utterance import Utterance
from tests.audio_folder import make_audio_folder

QUIET = Progress(quiet=True)


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    sizes = {"train": 8, "valid": 1, "test": 1}
    return list(open_corpus(str(make_audio_folder(tmp_path / "t", "asr", sizes=sizes)), ASR).train)


def features(
    utterances: list[Utterance], budget: Budget, upstream: Upstream | None = None
) -> FrameFeatures:
    return FrameFeatures(
        upstream or Upstream("waves"), utterances, gain_db=0.0, budget=budget, progress=QUIET
    )


def test_frames_are_the_upstreams_rounded_to_half(utterances: list[Utterance]) -> None:
    upstream = Upstream("waves")
    found = features(utterances, Budget("1GB"), upstream)
    for position, frames in extract(upstream, utterances, gain_db=0.0, progress=QUIET):
        assert torch.equal(found[position], frames.half().float())
        assert found.n_frames[position] == frames.shape[1]
    exact = features(utterances, Budget("off"), upstream)
    assert exact.n_stored == 0
    for position, frames in extract(upstream, utterances, gain_db=0.0, progress=QUIET):
        assert torch.allclose(exact[position], frames, atol=1e-5, rtol=0)


def test_the_budget_is_charged_and_decides_speed_alone(
    utterances: list[Utterance], cache: Path
) -> None:
    whole = features(utterances, Budget("1GB"))
    assert whole.n_stored == 8
    clip_bytes = int(whole.n_frames[0]) * 3 * 8 * 2
    budget = Budget(str(int(2.5 * clip_bytes)))
    some = features(utterances, budget)
    assert some.n_stored == 2
    assert budget.left == int(2.5 * clip_bytes) - 2 * clip_bytes
    for i in range(8):
        assert torch.allclose(some[i], whole[i], atol=2e-3, rtol=0)
    assert features(utterances, budget).n_stored == 0, "it is used up"
    sizes = sorted(f.stat().st_size for f in cache.glob("s3prl-frames/*/content/frames.npy"))
    assert sizes == [128 + 2 * clip_bytes, 128 + 8 * clip_bytes]


@pytest.mark.parametrize(
    ("text", "left"), [("20GB", 20 * 10**9), ("1.5 mb", 1_500_000), ("7", 7), ("off", None)]
)
def test_budgets(text: str, left: int | None) -> None:
    assert Budget(text).left == left


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "20G", "many"])
def test_bad_budgets(text: str) -> None:
    with pytest.raises(UsageError, match="is no size"):
        Budget(text)


def test_damaged_audio_is_an_error(utterances: list[Utterance]) -> None:
    assert utterances[2].audio is not None
    soundfile.write(utterances[2].audio, np.zeros(0), 16_000)
    for budget in (Budget("1GB"), Budget("off")):
        with pytest.raises(DataError, match=r"'train-2': .* is empty"):
            features(utterances, budget)


def test_features_beyond_half_precision_are_refused(utterances: list[Utterance]) -> None:
    upstream = Upstream("waves", layers=(0,))
    next(upstream.module.parameters()).data.mul_(1e7)
    with pytest.raises(DataError, match=r"beyond half precision\n.*--feature-cache off"):
        features(utterances, Budget("1GB"), upstream)
    assert features(utterances, Budget("off"), upstream)[0].abs().max() > 65_504
