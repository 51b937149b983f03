"""Frozen features of a split, each utterance's once, from batches of equally long clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.s3prl.upstream import Upstream
from bench.errors import DataError, MissingError
from bench.progress import Progress
from bench.speech.damaged import audio_or_damage
from bench.speech.equal_lengths import equally_long
from tasks.corpora.utterance import Utterance

CHUNK = 1024
"""Utterances read before they are sorted by length."""


class Extracted(NamedTuple):
    """The features of one utterance.

    Attributes:
        position: of the utterance in the split.
        frames: (n_layers, n_frames, dim) float32; None if the audio is damaged.
        damage: what is wrong with the audio; empty if nothing is.
    """

    position: int
    frames: Tensor | None
    damage: str


def extract(
    upstream: Upstream, utterances: Sequence[Utterance], *, gain_db: float, progress: Progress
) -> Iterator[Extracted]:
    """The features of utterances, in an order that depends on the utterances alone.

    Args:
        upstream: the frozen upstream.
        utterances: with audio.
        gain_db: the waveform is scaled by it first (SUPERB's KS: -3 dB).
        progress: shows a bar.

    Raises:
        MissingError: if an audio file is absent.
        DataError: if the upstream gives something that is not finite.
    """
    scale = np.float32(10 ** (gain_db / 20))
    with progress.bar(len(utterances), f"{upstream.name} features", "utterances") as bar:
        for start in range(0, len(utterances), CHUNK):
            waves: list[tuple[int, NDArray[np.float32]]] = []
            for index in range(start, min(start + CHUNK, len(utterances))):
                wave = audio_or_damage(utterances[index])
                if isinstance(wave, str):
                    bar.advance()
                    yield Extracted(index, None, wave)
                else:
                    waves.append((index, wave * scale))
            for places in equally_long([len(wave) for _, wave in waves]):
                batch = [waves[place] for place in places]
                frames = upstream(torch.from_numpy(np.stack([wave for _, wave in batch])))
                if not bool(frames.isfinite().all()):
                    first = utterances[batch[0][0]]
                    raise DataError(
                        f"upstream {upstream.name!r} gives NaN or infinite features for "
                        f"{first.id!r} or another clip of its length",
                        where=first.where,
                        hint="try --precision fp32, or another upstream",
                    )
                for i, (index, _) in enumerate(batch):
                    yield Extracted(index, frames[:, i], "")
                bar.advance(len(batch))


def check_audio_is_there(utterances: Sequence[Utterance]) -> None:
    """Looks for every audio file before any long work.

    Raises:
        MissingError: naming the first absent file and how many there are.
        DataError: if an utterance has no audio at all.
    """
    absent = [u for u in utterances if u.audio is None or not u.audio.is_file()]
    if not absent:
        return
    try:
        absent[0].audio_path()
    except MissingError as error:
        more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        raise MissingError(error.message + more, where=error.where, hint=error.hint) from None
