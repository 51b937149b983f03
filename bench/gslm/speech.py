"""The speech side of a GSLM: its own encoder and k-means, and how they are made from audio."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench import random
from bench.errors import CheckpointError, MissingError, UsageError
from bench.files import replace_folder, storage, write_atomic
from bench.gslm.folder import SPEECH_SIDE, read_card
from bench.progress import Progress
from bench.speech.audio import read_audio
from bench.speech.damaged import without_damage
from bench.speech.encoder import save_encoder
from bench.speech.kmeans import fit_kmeans, save_kmeans
from bench.speech.mfcc import MfccEncoder, MfccSettings
from bench.speech.units import UnitExtractor, holds_audio_only, with_units
from tasks.corpora.corpus import SPLITS, Corpus
from tasks.corpora.opening import open_corpus
from tasks.corpora.units import units_line
from tasks.registry import TASKS

FIT_UTTERANCES = 2000
"""Training utterances that scaling and k-means are fitted on at most, drawn by the seed."""


class FromSpeech(NamedTuple):
    """What was made from audio for a unit LM to learn from.

    Attributes:
        folders: units folders, one a task.
        frame_rate_hz: of the encoder.
    """

    folders: list[Path]
    frame_rate_hz: float


def extractor_of(folder: Path) -> UnitExtractor:
    """The encoder and k-means that a GSLM folder carries.

    Raises:
        MissingError: if it is no GSLM, or carries none.
        CheckpointError: if they are damaged, or make other units than its LM knows.
    """
    card = read_card(folder)
    if card.encoder is None:
        raise MissingError(
            "this GSLM has no encoder, so audio cannot become units",
            where=str(folder),
            hint="give a units folder, or a GSLM that carries its encoder",
        )
    extractor = UnitExtractor.load(folder, dedup=card.dedup)
    n_centroids = len(extractor.kmeans.centroids)
    if n_centroids != card.n_units:
        raise CheckpointError(
            f"the k-means has {n_centroids} centroids, the LM {card.n_units} units",
            where=str(folder),
        )
    return extractor


def copy_speech_side(source: Path, target: Path) -> None:
    """Copies the encoder and k-means of a GSLM folder into another one, if it carries any.

    Raises:
        StorageError: if they cannot be read or written.
    """
    for name in SPEECH_SIDE:
        if (source / name).exists():
            with storage(source / name):
                content = (source / name).read_bytes()
            write_atomic(target / name, content)


def write_units(corpus: Corpus, folder: Path) -> None:
    """Writes a corpus with units as a units folder, whole or not at all.

    Raises:
        DataError: if an utterance cannot stand in one.
        StorageError: if it cannot be written.
    """
    with replace_folder(folder) as new:
        for name in SPLITS:
            lines = [units_line(utterance) + "\n" for utterance in corpus.split(name).utterances]
            (new / f"{name}.txt").write_text("".join(lines), encoding="utf-8")


def speech_to_units(
    name: str,
    tasks: Sequence[str],
    root: Path | None,
    out: Path,
    units: Path,
    n_units: int,
    seed: int,
    progress: Progress,
) -> FromSpeech:
    """Fits an MFCC encoder and a k-means on training audio, writes both and the corpora's units.

    Args:
        name: of a corpus, or its folder.
        tasks: the tasks whose parts of it are used.
        root: where a registered corpus lies.
        out: the GSLM folder to be.
        units: the units folders are made here, named as their tasks.
        n_units: number of clusters.
        seed: decides which utterances are fitted on, and the k-means.
        progress: shows bars.

    Raises:
        UsageError: if the corpus holds units.
        BenchError: if it cannot be opened or its audio is damaged.
    """
    corpora = [open_corpus(name, TASKS.get(task), root=root, progress=progress) for task in tasks]
    for corpus in corpora:
        if not holds_audio_only(corpus):
            raise UsageError("holds units: give it to --units", where=name)
    corpora = [without_damage(corpus, progress) for corpus in corpora]
    utterances = [utterance for corpus in corpora for utterance in corpus.train]
    order = random.numpy_generator(seed, "pretrain", "fit").permutation(len(utterances))
    waveforms = [read_audio(utterances[i]) for i in order[:FIT_UTTERANCES]]
    encoder = MfccEncoder.fitted(MfccSettings(), waveforms)
    frames: NDArray[np.float32] = np.concatenate([encoder.encode(w[None])[0] for w in waveforms])
    kmeans = fit_kmeans(frames, n_units, random.derive(seed, "pretrain", "kmeans"))
    progress.line(f"k-means: {n_units} units from {len(frames):,} frames")
    save_encoder(out, encoder)
    save_kmeans(out, kmeans)
    extractor = UnitExtractor.load(out, dedup=True)
    folders = []
    for task, corpus in zip(tasks, corpora, strict=True):
        write_units(with_units(corpus, extractor, progress), units / task)
        folders.append(units / task)
    return FromSpeech(folders, encoder.frame_rate_hz)
