"""Frozen features of a split, each utterance's once, from batches of equally long clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from baselines.s3prl.upstream import Upstream
from bench.errors import DataError
from bench.progress import Progress
from bench.speech.audio import read_audio
from bench.speech.equal_lengths import equally_long
from tasks.corpora.utterance import Utterance

CHUNK = 1024
"""Utterances read before they are sorted by length."""


class Extracted(NamedTuple):
    """The features of one utterance.

    Attributes:
        position: of the utterance in the split.
        frames: (n_layers, n_frames, dim) float32.
    """

    position: int
    frames: Tensor


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
        DataError: if audio is damaged, or the upstream gives something that is not finite.
    """
    scale = np.float32(10 ** (gain_db / 20))
    with progress.bar(len(utterances), f"{upstream.name} features", "utterances") as bar:
        for start in range(0, len(utterances), CHUNK):
            some = range(start, min(start + CHUNK, len(utterances)))
            waves = [read_audio(utterances[index]) * scale for index in some]
            for places in equally_long([len(wave) for wave in waves]):
                frames = upstream(torch.from_numpy(np.stack([waves[place] for place in places])))
                if not bool(frames.isfinite().all()):
                    first = utterances[some[places[0]]]
                    raise DataError(
                        f"upstream {upstream.name!r} gives NaN or infinite features for "
                        f"{first.id!r} or another clip of its length",
                        where=first.where,
                        hint="try --precision fp32, or another upstream",
                    )
                for i, place in enumerate(places):
                    yield Extracted(some[place], frames[:, i])
                bar.advance(len(places))
