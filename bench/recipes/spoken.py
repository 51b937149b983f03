"""Speech to pretrain on, on the disk: spectra of the same words in several voices.

Made in pieces, each written in one step, so that a killed process loses one piece at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from bench.files import clear_temporaries, make_folder, write_atomic
from bench.progress import Progress
from bench.speech.log_mel import HOP, levelled, log_mel
from tasks.corpora.mini.parallel import About, Group, group
from tasks.corpora.mini.synthesiser import Synthesiser, on_all_cores

PIECE_GROUPS = 200

Mels = NDArray[np.float16]
"""(n_frames, 80), every 10 ms."""


@dataclass(frozen=True, eq=False)
class Spoken:
    """An utterance, and where the plain voice says the same.

    Attributes:
        mels: log-mel spectra, not levelled.
        at: (n_frames,) float32, frame of the plain rendering.
        group: index of the plain rendering.
    """

    mels: Mels
    at: NDArray[np.float32]
    group: int


@dataclass(frozen=True, eq=False)
class ParallelSpeech:
    """Groups of utterances that say the same.

    Attributes:
        plain: the plain voice's log-mel spectra, by group.
        voices: every other utterance, in the order of the groups.
    """

    plain: list[Mels]
    voices: list[Spoken]

    @property
    def hours(self) -> float:
        """Of the voices, the plain one aside."""
        return sum(len(v.mels) for v in self.voices) * HOP / 16000 / 3600


def parallel_speech(
    n_groups: int, folder: Path, progress: Progress, about: About = "tasks"
) -> ParallelSpeech:
    """Groups 0 to n_groups - 1, from the disk as far as they lie there.

    Args:
        n_groups: how many; each a few seconds in several voices.
        folder: where the pieces go.
        progress: shows a bar.
        about: what they say.

    Raises:
        MissingError: if the synthesiser is not installed.
        StorageError: if the folder cannot be written.
    """
    make_folder(folder)
    clear_temporaries(folder)
    starts = range(0, n_groups, PIECE_GROUPS)
    files = {start: folder / f"{start:06d}.safetensors" for start in starts}
    pieces = {start: _read(file) for start, file in files.items()}
    missing = [start for start, piece in pieces.items() if piece is None]
    with progress.bar(len(missing) * PIECE_GROUPS, f"speech about {about}", "groups") as bar:

        def make(start: int, synthesiser: Synthesiser) -> None:
            made = []
            for i in range(start, min(start + PIECE_GROUPS, n_groups)):
                made.append(_of_group(group(i, synthesiser, about)))
                bar.advance()
            _write(files[start], made)
            pieces[start] = _read(files[start])

        on_all_cores(make, missing)
    plain: list[Mels] = []
    voices: list[Spoken] = []
    for found in pieces.values():
        assert found is not None
        voices += [Spoken(v.mels, v.at, v.group + len(plain)) for v in found.voices]
        plain += found.plain
    return ParallelSpeech(plain, voices)


def levelled_mels(mels: Mels) -> NDArray[np.float32]:
    """`levelled` of one utterance's spectra, (n_frames, 80)."""
    return np.asarray(levelled(torch.from_numpy(mels.astype(np.float32))[None])[0].numpy())


def spectra(samples: NDArray[np.int64]) -> Mels:
    """Log-mel spectra of 16-bit samples at 16 kHz, as they are kept."""
    wave = torch.from_numpy(samples.astype(np.float32) / 32768)
    mels: Mels = log_mel(wave[None])[0].to(torch.float16).numpy()
    return mels


def _of_group(one: Group) -> tuple[Mels, list[tuple[Mels, NDArray[np.float32]]]]:
    voices = []
    for voice in one.voices:
        mels = spectra(voice.samples)
        at = np.interp(np.arange(len(mels)) * float(HOP), voice.heard, voice.plain) / HOP
        voices.append((mels, at.astype(np.float32)))
    return spectra(one.plain), voices


def _write(file: Path, made: list[tuple[Mels, list[tuple[Mels, NDArray[np.float32]]]]]) -> None:
    voices = [(mels, at, i) for i, (_, said) in enumerate(made) for mels, at in said]
    tensors: dict[str, NDArray[np.generic]] = {
        "plain": np.concatenate([plain for plain, _ in made]),
        "plain_lengths": np.array([len(plain) for plain, _ in made], np.int64),
        "mels": np.concatenate([mels for mels, _, _ in voices]),
        "at": np.concatenate([at for _, at, _ in voices]),
        "lengths": np.array([len(mels) for mels, _, _ in voices], np.int64),
        "groups": np.array([i for _, _, i in voices], np.int64),
    }
    write_atomic(file, save(tensors))


def _read(file: Path) -> ParallelSpeech | None:
    """A piece; None if it is not there or not whole."""
    try:
        tensors = load_file(file)
        voices = [
            Spoken(mels, at, int(i))
            for mels, at, i in zip(
                _split(tensors["mels"], tensors["lengths"]),
                _split(tensors["at"], tensors["lengths"]),
                tensors["groups"],
                strict=True,
            )
        ]
        return ParallelSpeech(_split(tensors["plain"], tensors["plain_lengths"]), voices)
    except (SafetensorError, OSError, KeyError, ValueError):
        return None


def _split(array: NDArray[Any], lengths: NDArray[np.int64]) -> list[NDArray[Any]]:
    return np.split(array, np.cumsum(lengths)[:-1])
