from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.corpora.mini.acoustics import Samples, background, record, resample
from tasks.corpora.mini.speakers import Background, Speaker, draw_speaker, speakers


def tone(hz: float, rate_hz: int, n: int, amplitude: int = 10000) -> NDArray[np.int16]:
    phase = 2 * np.pi * hz / rate_hz * np.arange(n, dtype=np.float64)
    return np.asarray(np.round(amplitude * np.sin(phase)), np.int16)


@pytest.fixture
def dry() -> Speaker:
    """Somebody close to a good microphone, with next to no noise."""
    drawn = draw_speaker("dry", "m1")
    return replace(drawn, tilt=0, level=3000, noise=0, room=0, band="full", background="white")


def level_db(samples: Samples) -> float:
    return 10 * math.log10(max(1e-9, float(np.mean(samples.astype(float) ** 2))))


@pytest.mark.parametrize("hz", [200, 1000, 5000])
def test_a_tone_stays_itself_at_the_other_rate(hz: int) -> None:
    found = resample(tone(hz, 22050, 22050))
    wanted = tone(hz, 16000, 16000)
    assert len(found) == 16000
    inner = slice(100, -100)
    assert np.abs(found[inner] - wanted[inner]).max() < 200


def test_what_lies_above_8_khz_is_gone() -> None:
    passed = resample(tone(9500, 22050, 22050))[100:-100]
    assert level_db(passed) < level_db(tone(1000, 16000, 16000).astype(np.int64)) - 40


def test_speech_and_noise_stand_at_their_levels(dry: Speaker) -> None:
    speech = resample(tone(440, 22050, 22050))
    clean = record(speech, dry, 1600, 1600, "a")
    assert len(clean) == 1600 + 16000 + 1600
    assert math.sqrt(np.mean(clean[1600:-1600].astype(float) ** 2)) == pytest.approx(3000, rel=0.01)
    noisy = record(speech, replace(dry, noise=409), 1600, 1600, "a")  # 20 dB below
    assert level_db(noisy[:1600]) == pytest.approx(level_db(clean[1600:-1600]) - 20, abs=1)


def test_noise_is_the_utterances_own_and_the_room_the_speakers(dry: Speaker) -> None:
    speech = resample(tone(440, 22050, 8000))
    noisy = replace(dry, noise=409)
    assert np.array_equal(record(speech, noisy, 0, 0, "a"), record(speech, noisy, 0, 0, "a"))
    assert not np.array_equal(record(speech, noisy, 0, 0, "a"), record(speech, noisy, 0, 0, "b"))
    roomy = replace(dry, room=48, echo=1000, echo_ms=150)
    assert level_db(record(speech, dry, 0, 3000, "a")[-2900:]) < 0
    assert level_db(record(speech, roomy, 0, 3000, "a")[-2900:-1500]) > 20


def test_the_telephone_takes_both_ends(dry: Speaker) -> None:
    telephone = replace(dry, band="telephone")
    kept = {}
    for hz in (60, 1000, 6000):
        heard = record(tone(hz, 16000, 16000).astype(np.int64), telephone, 0, 0, "a")
        kept[hz] = level_db(heard[200:-200])
    assert kept[1000] - kept[6000] > 30
    assert kept[1000] - kept[60] > 8


def test_kinds_of_noise_differ_in_colour() -> None:
    def share_above_4_khz(kind: Background) -> float:
        power = np.abs(np.fft.rfft(background(kind, 16000, "n").astype(float))) ** 2
        return float(power[4000:].sum() / power.sum())

    kinds: tuple[Background, ...] = ("white", "pink", "rumble")
    shares = [share_above_4_khz(kind) for kind in kinds]
    assert shares[0] > 0.45
    assert shares[0] > 2 * shares[1] > 4 * shares[2]


def test_silence_has_the_rooms_noise_and_nothing_overflows() -> None:
    for speaker in speakers("test"):
        silent = record(np.zeros(0, np.int64), speaker, 16000, 0, "s")
        assert len(silent) == 16000
        assert silent.any()
        loud = record(tone(300, 16000, 4000, 32767).astype(np.int64), speaker, 10, 10, "l")
        assert loud.min() >= -32768
        assert loud.max() <= 32767


def test_the_same_bits_as_ever() -> None:
    sawtooth = (np.arange(11025) * 271 % 20001 - 10000).astype(np.int16)
    heard = record(resample(sawtooth), draw_speaker("fixed", "f1"), 100, 100, "x")
    digest = hashlib.sha256(heard.astype("<i2").tobytes()).hexdigest()
    assert digest == "3e03a35202c6c31c3a156b76b9cb9c3c0e96f797c105eddc67e7249b6695be0c"
