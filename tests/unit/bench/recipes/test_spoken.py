from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.progress import Progress
from bench.recipes import spoken
from bench.recipes.plain_clusters import stationary, steadied, stretches
from bench.recipes.spoken import parallel_speech

QUIET = Progress(quiet=True)


def test_the_speech_is_the_same_again_and_from_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spoken, "PIECE_GROUPS", 2)
    made = parallel_speech(4, tmp_path / "a", QUIET)
    again = parallel_speech(4, tmp_path / "a", QUIET)
    other = parallel_speech(4, tmp_path / "b", QUIET)
    assert len(made.plain) == 4
    assert len(made.voices) == 8
    for found in (again, other):
        assert [v.group for v in found.voices] == [v.group for v in made.voices]
        for a, b in zip(found.voices, made.voices, strict=True):
            np.testing.assert_array_equal(a.mels, b.mels)
            np.testing.assert_array_equal(a.at, b.at)


def test_a_damaged_piece_is_made_anew(tmp_path: Path) -> None:
    made = parallel_speech(1, tmp_path, QUIET)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    again = parallel_speech(1, tmp_path, QUIET)
    np.testing.assert_array_equal(again.plain[0], made.plain[0])


def test_voices_lie_beside_the_plain_one(tmp_path: Path) -> None:
    speech = parallel_speech(30, tmp_path, QUIET)
    for voice in speech.voices:
        assert (np.diff(voice.at) >= 0).all()
        assert voice.at[0] >= 0
        assert voice.at[-1] <= len(speech.plain[voice.group])
    # What is loud in the one is loud in the other, far more than in another group's.
    same: list[float] = []
    different: list[float] = []
    for voice in speech.voices:
        for group, found in ((voice.group, same), ((voice.group + 7) % 30, different)):
            loudness = speech.plain[group].astype(np.float32).mean(axis=1)
            at = np.clip(voice.at.astype(int), 0, len(loudness) - 1)
            own = voice.mels.astype(np.float32).mean(axis=1)
            if loudness[at].std() > 0:
                found.append(np.corrcoef(own, loudness[at])[0, 1])
    assert np.mean(same) > 0.6
    assert np.mean(same) > np.mean(different) + 0.3


def test_changes_cost() -> None:
    costs = np.ones((9, 2), np.float32)
    costs[:, 0] = 0
    costs[4] = (1.0, 0.0)
    assert steadied(costs, 0.0).tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert steadied(costs, 0.6).tolist() == [0] * 9
    costs[5:] = (1.0, 0.0)
    assert steadied(costs, 0.6).tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1]


def test_clusters_of_the_plain_voice(tmp_path: Path) -> None:
    plain = parallel_speech(40, tmp_path, QUIET).plain
    short, steady = stretches(plain, 20, 0), stationary(plain, 20, 0)
    changes = []
    for targets in (short, steady):
        assert [len(t) for t in targets] == [len(m) for m in plain]
        changes.append(sum(int((np.diff(t[::4]) != 0).sum()) for t in targets))
    assert changes[1] < 0.9 * changes[0]
