"""The audio of a split, for an upstream that is trained: nothing of it can be computed ahead."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from baselines.fitting import Indices
from bench.progress import Progress
from bench.speech.audio import SAMPLE_RATE_HZ, read_audio
from bench.speech.survey import undamaged
from tasks.corpora.utterance import Utterance

STEP_S = 96
"""Seconds of audio in a batch at most: the memory of a step, in which every layer of the upstream
keeps what its gradient needs (a longer clip goes alone)."""


class Waves:
    """The waveforms of a split, as `TunedModel` reads them.

    Args:
        utterances: with audio.
        gain_db: the waveform is scaled by it (SUPERB's KS: -3 dB).
        progress: shows a bar while the audio is read for the first time.

    Attributes:
        sizes, limit: see `Inputs`; counted in samples at 16 kHz.

    Raises:
        MissingError: if an audio file is absent.
    """

    limit = STEP_S * SAMPLE_RATE_HZ

    def __init__(
        self, utterances: Sequence[Utterance], *, gain_db: float, progress: Progress
    ) -> None:
        self.sizes = np.array(undamaged(utterances, progress).n_samples, np.int64)
        self._utterances, self._scale = utterances, np.float32(10 ** (gain_db / 20))

    def take(self, batch: Indices) -> tuple[list[Tensor]]:
        """Each (n_samples,) float32, on the CPU.

        Raises:
            DataError: if audio is damaged.
        """
        read = (read_audio(self._utterances[int(index)]) for index in batch)
        return ([torch.from_numpy(wave * self._scale) for wave in read],)
