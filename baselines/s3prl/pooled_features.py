"""Per-layer means over time: all that a mean-pooled linear classifier ever reads of a clip.

SUPERB's head is weighted sum -> Linear -> mean over time -> Linear. Up to the mean everything is
linear in the frames, so the mean may come first. A clip then costs layers x dim floats instead of
layers x frames x dim, computed once and kept in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from baselines.fitting import Indices
from baselines.inputs import MeanTable
from baselines.s3prl.extraction import extract
from baselines.s3prl.upstream import Upstream
from bench.progress import Progress
from bench.speech.audio import content_key
from bench.speech.cache import Cache, Key
from tasks.corpora.utterance import Utterance

KIND = "s3prl-means"


class PooledFeatures:
    """The time means of a split, as `PooledClassifier` reads them.

    Args:
        upstream: the frozen upstream.
        utterances: with audio.
        gain_db: see `extract`.
        progress: shows a bar while they are computed.

    Attributes:
        means: (n_utterances, n_layers, dim) float32, memory-mapped.
        sizes, limit: see `Inputs`; a batch may be as large as the split.
    """

    def __init__(
        self,
        upstream: Upstream,
        utterances: Sequence[Utterance],
        *,
        gain_db: float,
        progress: Progress,
    ) -> None:
        shape = (len(utterances), upstream.n_layers, upstream.dim)

        def build(folder: Path) -> None:
            table = np.lib.format.open_memmap(
                folder / "means.npy", mode="w+", dtype=np.float32, shape=shape
            )
            for index, frames in extract(upstream, utterances, gain_db=gain_db, progress=progress):
                table[index] = frames.mean(dim=1).cpu().numpy()
            table.flush()

        key: Key = {
            "upstream": upstream.fingerprint,
            "audio": content_key(utterances),
            "gain_db": gain_db,
        }
        folder = Cache().folder(KIND, key, build)
        self.means: NDArray[np.float32] = np.load(folder / "means.npy", mmap_mode="r")
        self._table = MeanTable(self.means, upstream.device)
        self.sizes, self.limit = self._table.sizes, self._table.limit

    def take(self, batch: Indices) -> tuple[Tensor]:
        """See `MeanTable.take`."""
        return self._table.take(batch)
