"""From a sound file to the samples that every model here hears: mono, 16 kHz, float32.

Damaged audio is an error that names the utterance; who asks decides what becomes of it
(`bench.speech.damaged`). Silence is no damage.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from numpy.typing import NDArray

from bench.errors import DataError
from bench.files import sha256_of_file
from tasks.corpora.unknown_length import UNKNOWN, read_to_end
from tasks.corpora.utterance import Utterance

if TYPE_CHECKING:
    from soundfile import SoundFile

SAMPLE_RATE_HZ = 16_000
"""Of all samples, whatever the file's rate was."""

END_TOLERANCE_S = 0.02
"""How far `end_s` may lie behind the end of the audio: manifests round."""

_PROMISED = re.compile(r"^\s*data\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_SIZE = 0x7FFF0000
"""So many bytes and more, or none, are what a WAV header written to a pipe promises: the writer
could not know the size. It is the largest number there is, less a header or a part of a frame."""


_CONTENTS: dict[Path, tuple[int, int, str]] = {}
"""Size, time of writing and SHA-256 of the files read so far."""


class DamageError(Exception):
    """What is wrong with a sound file, in words that hold wherever the file lies."""


def read_audio(utterance: Utterance) -> NDArray[np.float32]:
    """The samples of an utterance.

    Channels are averaged, another rate is resampled (torchaudio, sinc with a Hann window), and
    `start_s` and `end_s` are cut at the file's own rate.

    Returns:
        (n_samples,) float32 at 16 kHz, nominally in [-1, 1], at least one sample.

    Raises:
        MissingError: if there is no such file.
        DataError: if the file cannot be decoded, is empty, shorter than its header says, holds
            NaN or infinities, or ends before the utterance does.
    """
    try:
        return samples_of(utterance)
    except DamageError as damage:
        raise DataError(
            told(utterance, str(damage)),
            where=utterance.where,
            hint="restore the file, or take the line out of the manifest",
        ) from damage


def told(utterance: Utterance, damage: str) -> str:
    """What is wrong, with the utterance and its file before it."""
    return f"utterance {utterance.id!r}: the audio {utterance.audio} {damage}"


def samples_of(utterance: Utterance) -> NDArray[np.float32]:
    """The same as `read_audio`, for who keeps what is wrong.

    Raises:
        MissingError: if there is no such file.
        DataError: if the utterance has no audio at all.
        DamageError: if something is wrong with the file.
    """
    path = utterance.audio_path()
    try:
        with soundfile.SoundFile(str(path)) as file:
            rate_hz = int(file.samplerate)
            _check_whole(file)
            samples: NDArray[np.float32]
            if file.frames < UNKNOWN:
                start, stop = _cut(file.frames, rate_hz, utterance)
                file.seek(start)
                samples = file.read(stop - start, dtype="float32", always_2d=True)
            else:
                whole = read_to_end(path)
                start, stop = _cut(len(whole), rate_hz, utterance)
                samples = whole[start:stop]
    except soundfile.LibsndfileError as error:
        raise DamageError(f"cannot be decoded: {error.error_string}") from error
    except RuntimeError as error:
        raise DamageError(f"cannot be decoded: {error}") from error
    if len(samples) < stop - start:
        raise DamageError(f"ends after {start + len(samples)} of {stop} samples: it is truncated")
    if not np.isfinite(samples).all():
        raise DamageError("holds samples that are NaN or infinite")
    mono: NDArray[np.float32] = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
    return np.ascontiguousarray(mono if rate_hz == SAMPLE_RATE_HZ else _resampled(mono, rate_hz))


def content_key(utterances: Sequence[Utterance]) -> str:
    """SHA-256 (hex) over the audio of utterances in order: file contents and cuts.

    Ids, answers and places do not count, so moving or relabelling a corpus changes nothing.

    Raises:
        MissingError: if a file is absent or cannot be read.
        DataError: if an utterance has no audio.
    """
    digest = hashlib.sha256()
    for utterance in utterances:
        content = _content_of(utterance.audio_path())
        digest.update(f"{content} {utterance.start_s} {utterance.end_s}\n".encode("ascii"))
    return digest.hexdigest()


def _content_of(path: Path) -> str:
    """The SHA-256 of a file, read once a process as long as size and time of writing stay."""
    seen = path.stat()
    known = _CONTENTS.get(path)
    if known is None or known[:2] != (seen.st_size, seen.st_mtime_ns):
        known = seen.st_size, seen.st_mtime_ns, sha256_of_file(path)
        _CONTENTS[path] = known
    return known[2]


def _check_whole(file: SoundFile) -> None:
    """A WAV file that was cut off opens without complaint; libsndfile tells it in its log."""
    found = _PROMISED.search(file.extra_info)
    if found is None:
        return
    promised, there = int(found[1]), int(found[2])
    if there < promised < _UNKNOWN_SIZE:
        raise DamageError(f"holds {there} of {promised} bytes of sound: it is truncated")


def _cut(n_frames: int, rate_hz: int, utterance: Utterance) -> tuple[int, int]:
    start = _frame(utterance.start_s or 0.0, rate_hz)
    stop = n_frames
    if utterance.end_s is not None:
        stop = _frame(utterance.end_s, rate_hz)
        if stop > n_frames + END_TOLERANCE_S * rate_hz:
            raise DamageError(
                f"lasts {n_frames / rate_hz:.3f} s, the utterance ends at {utterance.end_s} s"
            )
        stop = min(stop, n_frames)
    if start >= stop:
        what = f"has nothing from {utterance.start_s or 0} s on"
        if utterance.end_s is not None:
            what = f"has nothing from {utterance.start_s or 0} to {utterance.end_s} s"
        raise DamageError("is empty" if n_frames == 0 else what)
    return start, stop


def _frame(time_s: float, rate_hz: int) -> int:
    return round(min(time_s * rate_hz, UNKNOWN))


def _resampled(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    import torch
    import torchaudio.functional

    wave = torch.from_numpy(np.ascontiguousarray(samples))
    found: NDArray[np.float32] = torchaudio.functional.resample(
        wave, rate_hz, SAMPLE_RATE_HZ
    ).numpy()
    return found
