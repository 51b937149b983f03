from __future__ import annotations

import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from bench.errors import MissingError, RunFailedError
from tasks.corpora.mini import synthesiser as module
from tasks.corpora.mini.plan import SAYINGS, plan
from tasks.corpora.mini.speakers import VARIANTS
from tasks.corpora.mini.synthesiser import Request, Speech, Synthesiser

HELLO = Request(text="hello there", voice="en-us+f2", rate=160, pitch=50, range=50)


def all_voices() -> list[Request]:
    """A request for every variant."""
    names = [name for variants in VARIANTS.values() for name in variants]
    voices = ("en-us", "de", "ru", "it", "en-gb-scotland")
    return [
        Request(text="one 2", voice=f"{voices[i % 5]}+{name}", rate=180, pitch=45, range=50)
        for i, name in enumerate(names)
    ]


def same(a: Speech, b: Speech) -> bool:
    return np.array_equal(a.samples, b.samples) and a.phonemes == b.phonemes


def test_speech_and_its_phonemes(synthesiser: Synthesiser) -> None:
    speech = synthesiser.speak(HELLO)
    assert 0.5 < len(speech.samples) / module.SAMPLE_RATE_HZ < 2.0
    assert np.abs(speech.samples.astype(int)).max() > 3000
    assert "h" in [name for name, _ in speech.phonemes]
    starts = [start for _, start in speech.phonemes]
    assert starts == sorted(starts)
    assert starts[-1] < len(speech.samples)


def test_order_neighbours_and_process_change_nothing(synthesiser: Synthesiser) -> None:
    requests = all_voices()
    shuffled = random.Random(0).sample(requests, len(requests))

    def speak_all(ordered: list[Request]) -> dict[str, Speech]:
        with Synthesiser() as other:
            return {request.voice: other.speak(request) for request in ordered}

    first = {request.voice: synthesiser.speak(request) for request in requests}
    with ThreadPoolExecutor(2) as pool:
        for again in pool.map(speak_all, [shuffled, requests[::-1]]):
            assert all(same(first[voice], again[voice]) for voice in first)
    assert len({speech.samples.tobytes() for speech in first.values()}) == len(first)


def test_libm_of_another_processor_changes_nothing(
    synthesiser: Synthesiser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-FMA,-AVX2,-FMA4,-AVX512F")
    with Synthesiser() as other:
        for request in all_voices()[::4]:
            assert same(synthesiser.speak(request), other.speak(request))


def test_every_voice_of_the_corpus_exists(synthesiser: Synthesiser) -> None:
    voices = {
        part.request(i).voice.partition("+")[0]
        for task in SAYINGS
        for part in plan(task)
        for i in range(len(part.sayings))
    }
    for voice in sorted(voices):
        request = Request(text="a", voice=f"{voice}+m1", rate=160, pitch=50, range=50)
        assert len(synthesiser.speak(request).samples)


def test_an_unknown_voice_is_named() -> None:
    with Synthesiser() as own, pytest.raises(RunFailedError, match="no voice 'en-us-x'"):
        own.speak(Request(text="a", voice="en-us-x", rate=160, pitch=50, range=50))


@pytest.mark.parametrize("already_gone", [False, True])
def test_a_killed_synthesiser_is_an_error(already_gone: bool) -> None:
    with Synthesiser() as own:
        own.speak(HELLO)
        os.kill(own._process.pid, signal.SIGKILL)
        if already_gone:  # the request finds no reader; otherwise perhaps no answer comes
            own._process.wait()
        with pytest.raises(RunFailedError, match="it ended"):
            own.speak(HELLO)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match="not installed"):
        Synthesiser()


def test_the_gpl_library_stays_in_a_process_of_its_own(synthesiser: Synthesiser) -> None:
    synthesiser.speak(HELLO)
    assert "espeak" not in Path("/proc/self/maps").read_text()
    assert "espeak" in Path(f"/proc/{synthesiser._process.pid}/maps").read_text()
    source = module.WORKER.read_text(encoding="utf-8")
    assert not any(f"import {name}" in source for name in ("bench", "tasks", "numpy"))
