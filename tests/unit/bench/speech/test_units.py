from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.gslm.registry import gslm_folder
from bench.progress import Progress
from bench.random import numpy_generator
from bench.speech import units as module
from bench.speech.audio import read_audio
from bench.speech.encoder import save_encoder
from bench.speech.kmeans import fit_kmeans, save_kmeans
from bench.speech.mfcc import MfccEncoder, MfccSettings
from bench.speech.perturbation import perturbed
from bench.speech.units import UnitExtractor, deduplicate, holds_audio_only, with_units
from tasks.corpora.corpus import Corpus
from tasks.corpora.utterance import Utterance
from tasks.ks import KS

QUIET = Progress(quiet=True)


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    """Noises that change their colour, some of equal length."""
    made = []
    for i, n in enumerate((4000, 6000, 4000, 5000, 6000, 4000)):
        random = numpy_generator(i, "audio")
        wave = 0.1 * random.normal(size=n)
        wave[n // 2 :] = np.cumsum(wave[n // 2 :]) / 10
        soundfile.write(tmp_path / f"{i}.wav", wave, 16000)
        made.append(
            Utterance(id=f"u{i}", symbols=("a",), audio=tmp_path / f"{i}.wav", where=f"m:{i}")
        )
    return made


def make_gslm_side(folder: Path, utterances: Sequence[Utterance], k: int = 8) -> Path:
    folder.mkdir(exist_ok=True)
    waves = [read_audio(utterance) for utterance in utterances]
    encoder = MfccEncoder.fitted(MfccSettings(), waves)
    frames = np.concatenate([encoder.encode(wave[None])[0] for wave in waves])
    save_encoder(folder, encoder)
    save_kmeans(folder, fit_kmeans(frames, k, 0))
    return folder


@pytest.fixture
def extractor(tmp_path: Path, utterances: list[Utterance]) -> UnitExtractor:
    return UnitExtractor.load(make_gslm_side(tmp_path / "g", utterances), dedup=True)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_deduplication_loses_nothing(frames: list[int]) -> None:
    units, durations = deduplicate(np.array(frames, np.int32))
    assert np.repeat(units, durations).tolist() == frames
    assert (np.diff(units) != 0).all()
    assert units.dtype == durations.dtype == np.int32


def test_units_are_those_of_each_alone(
    utterances: list[Utterance], extractor: UnitExtractor
) -> None:
    found = extractor.extract(utterances, QUIET, "x")
    for utterance, units in zip(utterances, found, strict=True):
        frames = extractor.encoder.encode(read_audio(utterance)[None])[0]
        alone = deduplicate(extractor.kmeans.assign(frames))
        assert np.array_equal(units.units, alone.units)
        assert np.array_equal(units.durations, alone.durations)
        assert units.durations.sum() == len(frames)
    assert len({unit for units in found for unit in units.units.tolist()}) > 4


def test_blocks_change_nothing(
    utterances: list[Utterance], extractor: UnitExtractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = extractor._compute(utterances, QUIET, "x", None)
    monkeypatch.setattr(module, "BLOCK_UTTERANCES", 2)
    blocks = extractor._compute(utterances, QUIET, "x", None)
    assert [u.units.tolist() for u in whole] == [u.units.tolist() for u in blocks]


def test_threads_change_nothing(
    utterances: list[Utterance], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_UTTERANCES", 2)
    embedded = UnitExtractor.load(gslm_folder("mini"), dedup=False)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            units = embedded._compute(utterances, QUIET, "x", copy=0)
            found.append([one.units.tolist() for one in units])
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]


def test_without_dedup_every_frame_is_a_unit(tmp_path: Path, utterances: list[Utterance]) -> None:
    folder = make_gslm_side(tmp_path / "g", utterances)
    plain = UnitExtractor.load(folder, dedup=False)
    merged = UnitExtractor.load(folder, dedup=True)
    assert plain.fingerprint != merged.fingerprint
    for a, b in zip(
        plain.extract(utterances, QUIET, "x"),
        merged.extract(utterances, QUIET, "x"),
        strict=True,
    ):
        assert np.array_equal(a.units, np.repeat(b.units, b.durations))


def test_the_cache_knows_audio_and_encoder_by_content(
    tmp_path: Path,
    utterances: list[Utterance],
    extractor: UnitExtractor,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = extractor.extract(utterances, QUIET, "x")
    computed = []
    compute = UnitExtractor._compute

    def counted(self: UnitExtractor, *arguments: object) -> object:
        computed.append(1)
        return compute(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(UnitExtractor, "_compute", counted)
    again = extractor.extract(utterances, QUIET, "x")
    assert not computed
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a.units, b.units)
        assert np.array_equal(a.durations, b.durations)
    other = UnitExtractor.load(make_gslm_side(tmp_path / "h", utterances, k=5), dedup=True)
    other.extract(utterances, QUIET, "x")
    assert len(computed) == 1
    soundfile.write(tmp_path / "0.wav", np.full(4000, 0.25), 16000)
    extractor.extract(utterances, QUIET, "x")
    assert len(computed) == 2

    for entry in (cache / "units").glob("*/content/*.safetensors"):  # damaged: made again, not read
        entry.write_bytes(entry.read_bytes()[:-9])
    healed = extractor.extract(utterances, QUIET, "x")
    assert len(computed) == 3
    assert healed[1].units.tolist() == first[1].units.tolist()


def test_a_corpus_gets_its_units_split_by_split(
    utterances: list[Utterance], extractor: UnitExtractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = Corpus.of("c", KS, train=utterances[:3], valid=utterances[3:4], test=utterances[4:])
    assert holds_audio_only(corpus)
    asked: list[str] = []
    extract = UnitExtractor.extract

    def noted(
        self: UnitExtractor,
        some: Sequence[Utterance],
        progress: Progress,
        what: str,
        copy: int | None = None,
    ) -> object:
        asked.append(what)
        return extract(self, some, progress, what, copy)

    monkeypatch.setattr(UnitExtractor, "extract", noted)
    spoken = with_units(corpus, extractor, QUIET)
    assert not asked
    assert not holds_audio_only(spoken)
    assert asked == ["c, train"]
    assert [u.id for u in spoken.train] == ["u0", "u1", "u2"]
    assert all(u.units is not None and u.audio is not None for u in spoken.test)
    assert spoken.fingerprint != corpus.fingerprint
    # Methods on the audio itself compare with those on its units.
    assert spoken.data_fingerprint == corpus.data_fingerprint == corpus.fingerprint


def test_copies_are_units_of_perturbed_audio(
    extractor: UnitExtractor, utterances: list[Utterance], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.speech.units.BLOCK_UTTERANCES", 4)
    plain = extractor.extract(utterances, QUIET, "x")
    copies = [extractor.extract(utterances, QUIET, "x", copy) for copy in range(2)]
    for copy, made in enumerate(copies):
        for i, (utterance, units) in enumerate(zip(utterances, made, strict=True)):
            draws = numpy_generator(0, "perturbation", copy, i)
            wave = perturbed(read_audio(utterance), draws)
            ids = extractor.kmeans.assign(extractor.encoder.encode(wave[None])[0])
            assert units.units.tolist() == deduplicate(ids).units.tolist()
            assert units.durations.sum() == len(ids)
    a, b, c = ([u.units.tolist() for u in made] for made in (plain, *copies))
    assert a != b != c != a
    monkeypatch.setattr(UnitExtractor, "_compute", None)  # from here on the cache has them
    assert [u.units.tolist() for u in extractor.extract(utterances, QUIET, "x", 1)] == c
