"""Audio to units: encoder, nearest centroid, runs of a unit as one; kept in the cache.

A cache entry is found by the content of the audio and of the encoder, so moving or relabelling a
corpus costs nothing, and any other encoder makes units of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from bench import random
from bench.errors import StorageError
from bench.files import sha256_of_file
from bench.progress import Bar, Progress
from bench.speech import encoder as encoders
from bench.speech import kmeans as clusterings
from bench.speech import perturbation
from bench.speech.audio import content_key, read_audio
from bench.speech.cache import Cache
from bench.speech.encoder import Encoder, load_encoder
from bench.speech.equal_lengths import equally_long
from bench.speech.kmeans import KMeans, load_kmeans
from bench.threads import each_on_one_thread
from tasks.corpora.corpus import SPLITS, Corpus, SplitName
from tasks.corpora.split import Split
from tasks.corpora.utterance import Utterance

KIND, FILE = "units", "units.safetensors"
"""Of a cache entry."""
BLOCK_UTTERANCES = 64
"""Utterances whose audio a thread has in memory at once."""


class Units(NamedTuple):
    """An utterance in units.

    Attributes:
        units: (n,) int32.
        durations: (n,) int32, frames that each lasts.
    """

    units: NDArray[np.int32]
    durations: NDArray[np.int32]


NOTHING = Units(np.empty(0, np.int32), np.empty(0, np.int32))


def deduplicate(frames: NDArray[np.int32]) -> Units:
    """Runs of the same unit as one, with their lengths.

    Args:
        frames: (n_frames,) unit of each frame, n_frames >= 1.
    """
    starts = np.flatnonzero(np.concatenate([[True], frames[1:] != frames[:-1]]))
    durations = np.diff(np.append(starts, len(frames))).astype(np.int32)
    return Units(frames[starts], durations)


@dataclass(frozen=True, eq=False)
class UnitExtractor:
    """Encoder and k-means of a GSLM.

    Attributes:
        dedup: whether a run of a unit becomes one.
        fingerprint: SHA-256 in hex over what decides the units.
    """

    encoder: Encoder
    kmeans: KMeans
    dedup: bool
    fingerprint: str

    @classmethod
    def load(cls, folder: Path, *, dedup: bool) -> UnitExtractor:
        """Reads `encoder.safetensors` and `kmeans.safetensors` of a GSLM folder.

        Raises:
            MissingError: if one is not there.
            CheckpointError: if one is damaged.
        """
        encoder, kmeans = load_encoder(folder), load_kmeans(folder)
        files = (folder / encoders.FILE, folder / clusterings.FILE)
        identity = f"2 {dedup} {' '.join(map(sha256_of_file, files))}"
        return cls(encoder, kmeans, dedup, hashlib.sha256(identity.encode()).hexdigest())

    def extract(
        self,
        utterances: Sequence[Utterance],
        progress: Progress,
        what: str,
        copy: int | None = None,
    ) -> list[Units]:
        """Units of utterances, in order, from the cache where they are known.

        Args:
            utterances: with audio.
            progress: shows a bar.
            what: names them there.
            copy: number of a perturbed copy (`bench.speech.perturbation`) to take instead of the
                audio itself; each number is another voice and place.

        Raises:
            MissingError: if a file is not there.
            DataError: if one is damaged.
        """
        cache = Cache()
        key = {"extractor": self.fingerprint, "audio": content_key(utterances)}
        if copy is not None:
            key["copy"] = f"{copy} of perturbation {perturbation.VERSION}"

        def build(folder: Path) -> None:
            _write(folder / FILE, self._compute(utterances, progress, what, copy))

        found = _read(cache.folder(KIND, key, build) / FILE, len(utterances))
        if found is None:  # damaged: made anew
            cache.drop(KIND, key)
            found = _read(cache.folder(KIND, key, build) / FILE, len(utterances))
        if found is None:
            raise StorageError("the cache does not keep what is written", where=str(cache.root))
        return found

    def _compute(
        self, utterances: Sequence[Utterance], progress: Progress, what: str, copy: int | None
    ) -> list[Units]:
        units: list[Units] = []
        starts = range(0, len(utterances), BLOCK_UTTERANCES)
        with progress.bar(len(utterances), f"units of {what}", "utterances") as bar:

            def block(start: int) -> list[Units]:
                return self._block(utterances[start : start + BLOCK_UTTERANCES], start, bar, copy)

            for found in each_on_one_thread(block, starts):
                units += found
        return units

    def _block(
        self, utterances: Sequence[Utterance], first: int, bar: Bar, copy: int | None
    ) -> list[Units]:
        waveforms: list[NDArray[np.float32]] = []
        for i, utterance in enumerate(utterances):
            wave = read_audio(utterance)
            if copy is not None:
                draws = random.numpy_generator(0, "perturbation", copy, first + i)
                wave = perturbation.perturbed(wave, draws)
            waveforms.append(wave)
        found: dict[int, Units] = {}
        for batch in equally_long([len(wave) for wave in waveforms]):
            frames = self.encoder.encode(np.stack([waveforms[place] for place in batch]))
            for place, rows in zip(batch, frames, strict=True):
                found[place] = self._units(rows)
            bar.advance(len(batch))
        return [found[i] for i in range(len(utterances))]

    def _units(self, frames: NDArray[np.float32]) -> Units:
        ids = self.kmeans.assign(frames)
        return deduplicate(ids) if self.dedup else Units(ids, np.ones(len(ids), np.int32))


def holds_audio_only(corpus: Corpus) -> bool:
    """Whether a corpus has audio but no units yet (all of its utterances are alike)."""
    first = corpus.train[0]
    return first.units is None and first.audio is not None


def with_units(corpus: Corpus, extractor: UnitExtractor, progress: Progress) -> Corpus:
    """The same corpus with units; a split is encoded when it is first used."""
    readers = {
        name: partial(_split_with_units, corpus, name, extractor, progress) for name in SPLITS
    }
    return corpus.derived(readers)


def _split_with_units(
    corpus: Corpus, name: SplitName, extractor: UnitExtractor, progress: Progress
) -> Split:
    split = corpus.split(name)
    found = extractor.extract(split.utterances, progress, f"{corpus.name}, {name}")
    utterances = (
        replace(utterance, units=units.units)
        for utterance, units in zip(split.utterances, found, strict=True)
    )
    return Split(utterances=tuple(utterances), skipped=split.skipped, notes=split.notes)


def _write(file: Path, found: list[Units]) -> None:
    tensors = {
        "units": np.concatenate([units.units for units in found]),
        "durations": np.concatenate([units.durations for units in found]),
        "lengths": np.array([len(units.units) for units in found], np.int64),
    }
    file.write_bytes(save(tensors))


def _read(file: Path, n_utterances: int) -> list[Units] | None:
    """What a cache entry holds; None if it is not what was written."""
    try:
        tensors = load_file(file)
        ends = np.cumsum(tensors["lengths"])
        units, durations = tensors["units"], tensors["durations"]
    except (SafetensorError, OSError, KeyError, ValueError):
        return None
    if len(ends) != n_utterances or ends[-1] != len(units) or len(units) != len(durations):
        return None
    parts = zip(np.split(units, ends[:-1]), np.split(durations, ends[:-1]), strict=True)
    return [Units(a, b) for a, b in parts]
