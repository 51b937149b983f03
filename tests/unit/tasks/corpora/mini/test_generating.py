from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from bench.errors import RunFailedError, UsageError
from bench.progress import Progress
from tasks.asr import ASR
from tasks.corpora import Corpus, open_corpus
from tasks.corpora.exporting import export
from tasks.corpora.manifest import CARD, open_manifest_folder, read_card
from tasks.corpora.mini import corpus as opening
from tasks.corpora.mini import generating
from tasks.corpora.mini.fingerprints import PINNED
from tasks.corpora.mini.generating import generate, read_samples
from tasks.corpora.mini.plan import Part, plan
from tasks.ks import KS
from tasks.sf import SF
from tests.unit.tasks.corpora.mini.conftest import some_parts

QUIET = Progress(quiet=True)


def content(corpus: Corpus) -> list[object]:
    return [
        (u.id, u.symbols, u.speaker, u.language, read_samples(u.audio_path()).tobytes())
        for utterances in (corpus.train, corpus.valid, corpus.test)
        for u in utterances
    ]


def test_a_manifest_folder_with_every_utterance(tmp_path: Path) -> None:
    parts = some_parts("ks")
    generate("ks", parts, tmp_path / "c", QUIET)
    corpus = open_manifest_folder(tmp_path / "c", KS)
    assert (len(corpus.train), len(corpus.valid), len(corpus.test)) == (24, 24, 24)
    for utterance in corpus.train:
        samples = read_samples(utterance.audio_path())
        assert len(samples) >= 16000
        loud = np.abs(samples.astype(int)).max()
        assert (loud > 1000) == (utterance.symbols != ("silence",)), utterance.id


def test_killed_anywhere_it_goes_on_and_ends_as_if_undisturbed(tmp_path: Path) -> None:
    parts = some_parts("sf")
    generate("sf", parts, tmp_path / "whole", QUIET)
    broken = tmp_path / "broken"
    process = multiprocessing.get_context("fork").Process(
        target=generate, args=("sf", parts, broken, QUIET)
    )
    process.start()
    while not list((broken / "audio").glob("train-*/digests.json")):
        assert process.is_alive()
        time.sleep(0.005)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    assert not (broken / CARD).exists()
    kept = next((broken / "audio").glob("train-*"))
    before = kept.stat().st_mtime_ns
    generate("sf", parts, broken, QUIET)
    assert kept.stat().st_mtime_ns == before
    whole = open_manifest_folder(tmp_path / "whole", SF)
    again = open_manifest_folder(broken, SF)
    assert content(whole) == content(again)
    assert whole.fingerprint == again.fingerprint


def test_a_damaged_part_is_made_again(tmp_path: Path) -> None:
    parts = some_parts("asr")[:1] + some_parts("asr")[2:3] + some_parts("asr")[4:5]
    folder = tmp_path / "c"
    generate("asr", parts, folder, QUIET)
    fingerprint = open_manifest_folder(folder, ASR).fingerprint
    first = sorted(folder.glob("audio/*/*.wav"))[0]
    first.write_bytes(first.read_bytes()[:-2000])
    (folder / CARD).unlink()
    generate("asr", parts, folder, QUIET)
    assert open_manifest_folder(folder, ASR).fingerprint == fingerprint


def test_the_fingerprint_follows_samples_and_rows(tmp_path: Path) -> None:
    first = some_parts("ks")
    generate("ks", first, tmp_path / "a", QUIET)
    generate("ks", first[:1] + first[2:], tmp_path / "b", QUIET)
    a = read_card(tmp_path / "a" / CARD).fingerprints or {}
    b = read_card(tmp_path / "b" / CARD).fingerprints or {}
    assert a["train"] != b["train"]
    assert a["test"] == b["test"]


def test_a_failing_synthesiser_ends_it_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise RunFailedError("broken")

    monkeypatch.setattr(generating, "recording", fail)
    with pytest.raises(RunFailedError, match="broken"):
        generate("ks", some_parts("ks"), tmp_path / "c", QUIET)
    assert not (tmp_path / "c" / CARD).exists()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    """Corpus `mini` of two speakers a split."""
    monkeypatch.setattr(opening, "plan", some_parts)
    return cache


def test_opened_by_name_generated_once_and_for_one_task(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = open_corpus("mini", KS, progress=Progress())
    assert corpus.name == "mini"
    told = capsys.readouterr().err
    assert "generating corpus mini, ks: 72 utterances" in told
    assert "train, valid, test differ from what" in told
    assert len(corpus.train) == 24
    assert corpus.fingerprint
    assert corpus.notes["splits_unlike_pinned"] == 3
    (made,) = [path for path in (small / "corpora").iterdir() if path.is_dir()]
    assert made.name.startswith("mini-ks-")

    monkeypatch.setattr(opening, "generate", lambda *arguments: pytest.fail("made twice"))
    found = read_card(made / CARD).fingerprints
    monkeypatch.setattr(opening, "PINNED", {"ks": found})
    again = open_corpus("mini", KS, progress=Progress())
    assert again.fingerprint == corpus.fingerprint
    assert not again.notes
    assert "differ" not in capsys.readouterr().err


def test_two_at_once_make_it_once(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def slowly(task: str, parts: tuple[Part, ...], folder: Path, progress: Progress) -> None:
        made.append(task)
        time.sleep(0.2)
        generate(task, parts, folder, progress)

    monkeypatch.setattr(opening, "generate", slowly)
    threads = [threading.Thread(target=open_corpus, args=("mini", KS)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == ["ks"]
    assert len(open_corpus("mini", KS).train) == 24


def test_a_root_is_refused(cache: Path) -> None:
    with pytest.raises(UsageError, match="lies in the cache"):
        open_corpus("mini", KS, root=cache)


def test_exported_it_opens_to_the_same(small: Path, tmp_path: Path) -> None:
    corpus = open_corpus("mini", SF)
    export(corpus, tmp_path / "out", QUIET)
    again = open_manifest_folder(tmp_path / "out", SF)
    assert content(again) == content(corpus)
    assert again.fingerprint == corpus.fingerprint
    assert all(u.audio_path().is_relative_to(tmp_path / "out") for u in again.test)
    with pytest.raises(UsageError, match="not empty"):
        export(corpus, tmp_path / "out", QUIET)


def test_pinned_samples_of_the_real_corpus(tmp_path: Path) -> None:
    """The whole of one task, as every user gets it."""
    generate("ks", plan("ks"), tmp_path / "ks", QUIET)
    found = json.loads((tmp_path / "ks" / CARD).read_text())["fingerprints"]
    assert found == PINNED["ks"]
