from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from bench.errors import BenchError, DataError, MissingError
from bench.speech.audio import SAMPLE_RATE_HZ, content_key, read_audio
from tasks.corpora.utterance import Utterance
from tests.audio_folder import of_unknown_length

SINE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)


def utterance(path: Path | None, **given: Any) -> Utterance:
    return Utterance(id="u", symbols=("x",), audio=path, where="train.jsonl:7", **given)


def written(
    path: Path, samples: NDArray[Any], rate_hz: int = 16_000, subtype: str | None = None
) -> Path:
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [("a.wav", "PCM_16", 4e-5), ("a.wav", "PCM_24", 2e-7), ("a.flac", "PCM_16", 4e-5)],
)
def test_samples_come_back(tmp_path: Path, name: str, subtype: str, tolerance: float) -> None:
    found = read_audio(utterance(written(tmp_path / name, SINE, subtype=subtype)))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, SINE, atol=tolerance)


def test_channels_are_averaged(tmp_path: Path) -> None:
    stereo = np.stack([SINE, np.zeros(16_000)], axis=1)
    found = read_audio(utterance(written(tmp_path / "a.wav", stereo)))
    np.testing.assert_allclose(found, SINE / 2, atol=4e-5)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100])
def test_another_rate_is_resampled(tmp_path: Path, rate_hz: int) -> None:
    sine = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)
    found = read_audio(utterance(written(tmp_path / "a.wav", sine, rate_hz)))
    assert len(found) == SAMPLE_RATE_HZ
    middle = slice(1000, 15_000)
    np.testing.assert_allclose(found[middle], SINE[middle], atol=2e-3)


def test_a_cut_is_taken_out(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", SINE)
    found = read_audio(utterance(path, start_s=0.25, end_s=0.75))
    np.testing.assert_allclose(found, SINE[4_000:12_000], atol=4e-5)
    assert len(read_audio(utterance(path, start_s=0.9, end_s=1.01))) == 1_600
    with pytest.raises(DataError, match=r"lasts 1\.000 s, the utterance ends at 1\.5 s"):
        read_audio(utterance(path, end_s=1.5))
    with pytest.raises(DataError, match=r"has nothing from 2\.0 s on"):
        read_audio(utterance(path, start_s=2.0))


def test_silence_is_no_damage(tmp_path: Path) -> None:
    assert not read_audio(utterance(written(tmp_path / "a.wav", np.zeros(100)))).any()


def damaged(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / ("a.flac" if kind == "cut flac" else "a.wav")
    if kind == "empty":
        return written(path, np.zeros(0))
    if kind == "nan":
        bad = SINE.copy()
        bad[7] = np.nan
        return written(path, bad, subtype="FLOAT")
    if kind == "noise":
        path.write_bytes(b"this is no sound" * 9)
        return path
    written(path, SINE)
    whole = path.read_bytes()
    path.write_bytes(b"" if kind == "no bytes" else whole[: len(whole) // 2])
    return path


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("empty", "is empty"),
        ("nan", "NaN or infinite"),
        ("noise", "cannot be decoded"),
        ("no bytes", "cannot be decoded"),
        ("cut wav", "it is truncated"),
        ("cut flac", "cannot be decoded"),
    ],
)
def test_damage_is_named(tmp_path: Path, kind: str, why: str) -> None:
    path = damaged(tmp_path, kind)
    with pytest.raises(DataError, match=why) as caught:
        read_audio(utterance(path))
    assert caught.value.where == "train.jsonl:7"
    assert str(path) in caught.value.message
    assert "'u'" in caught.value.message


@pytest.mark.parametrize(
    "promised", [0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFFFFF - 36, 0x7FFFF000, 0x7FFFEFFE]
)
def test_a_wav_written_to_a_pipe_is_whole(tmp_path: Path, promised: int) -> None:
    path = written(tmp_path / "a.wav", SINE)
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = promised.to_bytes(4, "little")
    path.write_bytes(content)
    assert len(read_audio(utterance(path))) == 16_000


def test_a_flac_written_to_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    path = written(tmp_path / "a.flac", np.stack([SINE, SINE / 2], axis=1))
    whole = read_audio(utterance(path))
    part = read_audio(utterance(path, start_s=0.25, end_s=0.5))
    of_unknown_length(path)
    assert np.array_equal(read_audio(utterance(path)), whole)
    assert np.array_equal(read_audio(utterance(path, start_s=0.25, end_s=0.5)), part)
    with pytest.raises(DataError, match=r"lasts 1.000 s"):
        read_audio(utterance(path, end_s=2.0))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match="cannot be decoded"):
        read_audio(utterance(path))


@pytest.mark.parametrize(
    ("cut", "why"),
    [
        ({"end_s": 1e306}, r"lasts 1.000 s, the utterance ends at 1e\+306 s"),
        ({"start_s": 1e306}, r"has nothing from 1e\+306 s on"),
        ({"end_s": 1e-6}, "has nothing from 0 to 1e-06 s"),
    ],
)
def test_cuts_that_hold_nothing(tmp_path: Path, cut: dict[str, float], why: str) -> None:
    with pytest.raises(DataError, match=why):
        read_audio(utterance(written(tmp_path / "a.wav", SINE), **cut))


@pytest.mark.parametrize(("path", "kind"), [(None, DataError), (Path("no.wav"), MissingError)])
def test_no_audio(path: Path | None, kind: type[BenchError]) -> None:
    with pytest.raises(kind):
        read_audio(utterance(path))


def test_the_key_follows_content_and_cuts_alone(tmp_path: Path) -> None:
    a, b = written(tmp_path / "a.wav", SINE), written(tmp_path / "b.wav", SINE / 2)
    key = content_key([utterance(a), utterance(b)])
    a.rename(tmp_path / "c.wav")
    assert content_key([utterance(tmp_path / "c.wav"), utterance(b)]) == key
    assert content_key([utterance(b), utterance(tmp_path / "c.wav")]) != key
    assert content_key([utterance(tmp_path / "c.wav"), utterance(b, end_s=0.5)]) != key
    written(b, SINE / 3)
    assert content_key([utterance(tmp_path / "c.wav"), utterance(b)]) != key
