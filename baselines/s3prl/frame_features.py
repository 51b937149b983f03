"""All frames of all layers of a split, for heads that read sequences.

They are kept in half precision in one memory-mapped file, as far as a disk budget reaches; what it
does not reach is computed anew whenever it is asked for, and rounded the same way, so that the
budget decides speed and not results. Without a cache nothing is rounded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.fitting import Indices
from baselines.s3prl.extraction import extract
from baselines.s3prl.recurrent_head import padded
from baselines.s3prl.upstream import Upstream
from bench.errors import DataError, UsageError
from bench.progress import Progress
from bench.speech.cache import Cache, Key
from bench.speech.survey import undamaged
from tasks.corpora.utterance import Utterance

KIND = "s3prl-frames"
BATCH_FRAMES = 32_000
"""Frames in a batch at most: the memory of a step (a longer utterance goes alone)."""
BYTES_A_VALUE = 2
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


class Budget:
    """Disk space for features, used up by one split after another.

    Args:
        text: `20GB`, `500MB`, ..., or `off`.

    Attributes:
        left: bytes; None without a cache.

    Raises:
        UsageError: if the text is neither.
    """

    def __init__(self, text: str) -> None:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]B)?", text.strip(), re.IGNORECASE)
        if text.strip().lower() != "off" and found is None:
            raise UsageError(
                f"--feature-cache {text!r} is no size", hint="e.g. --feature-cache 20GB, or off"
            )
        self.left = None
        if found is not None:
            self.left = int(float(found[1]) * _UNITS[(found[2] or "").upper()])


class FrameFeatures:
    """The frames of a split, as a `RecurrentHead` reads them.

    Args:
        upstream: the frozen upstream.
        utterances: with audio.
        gain_db: see `extract`.
        budget: what it takes of it stays taken.
        progress: shows bars while they are computed.

    Attributes:
        n_frames: (n_utterances,) int64.
        n_stored: how many of the utterances, from the first on, the cache holds.
        sizes, limit: see `Inputs`; counted in frames.

    Raises:
        DataError: if audio is damaged, or a feature does not fit half precision.
    """

    limit = BATCH_FRAMES

    def __init__(
        self,
        upstream: Upstream,
        utterances: Sequence[Utterance],
        *,
        gain_db: float,
        budget: Budget,
        progress: Progress,
    ) -> None:
        self._upstream, self._utterances, self._gain_db = upstream, utterances, gain_db
        survey = undamaged(utterances, progress)
        self.n_frames = np.array([upstream.n_frames(n) for n in survey.n_samples])
        self.sizes = self.n_frames
        ends = self.n_frames.cumsum()
        self._starts = ends - self.n_frames
        self._rounded = budget.left is not None
        self.n_stored = 0
        if budget.left is not None:
            frame_bytes = upstream.n_layers * upstream.dim * BYTES_A_VALUE
            self.n_stored = int(np.searchsorted(ends * frame_bytes, budget.left, side="right"))
        if self.n_stored == 0 or budget.left is None:
            return
        n_rows = int(ends[self.n_stored - 1])
        budget.left -= n_rows * frame_bytes
        shape = (n_rows, upstream.n_layers, upstream.dim)

        def build(folder: Path) -> None:
            table = np.lib.format.open_memmap(
                folder / "frames.npy", mode="w+", dtype=np.float16, shape=shape
            )
            some = utterances[: self.n_stored]
            for found in extract(upstream, some, gain_db=gain_db, progress=progress):
                start = self._starts[found.position]
                rounded = self._half(found.frames, found.position)
                stop = start + self.n_frames[found.position]
                table[start:stop] = rounded.transpose(0, 1).cpu().numpy()
            table.flush()

        key: Key = {
            "upstream": upstream.fingerprint,
            "audio": survey.content,
            "gain_db": gain_db,
            "n_stored": self.n_stored,
        }
        folder = Cache().folder(KIND, key, build)
        self._table: NDArray[np.float16] = np.load(folder / "frames.npy", mmap_mode="r")

    def take(self, batch: Indices) -> tuple[Tensor, Tensor]:
        """See `padded`; on the upstream's device."""
        frames, lengths = padded([self[int(index)] for index in batch])
        return frames.to(self._upstream.device), lengths

    def __getitem__(self, index: int) -> Tensor:
        """The frames of an utterance.

        Returns:
            (n_layers, n_frames, dim) float32.
        """
        if index < self.n_stored:
            start = self._starts[index]
            rows = np.array(self._table[start : start + self.n_frames[index]])
            return torch.from_numpy(rows).float().transpose(0, 1)
        (found,) = extract(
            self._upstream,
            self._utterances[index : index + 1],
            gain_db=self._gain_db,
            progress=Progress(quiet=True),
        )
        return (self._half(found.frames, index).float() if self._rounded else found.frames).cpu()

    def _half(self, frames: Tensor, index: int) -> Tensor:
        rounded = frames.half()
        if not bool(rounded.isfinite().all()):
            utterance = self._utterances[index]
            raise DataError(
                f"utterance {utterance.id!r}: features of upstream {self._upstream.name!r} "
                "reach beyond half precision",
                where=utterance.where,
                hint="use --normalize-layers, or --feature-cache off",
            )
        return rounded


class FrameReader:
    """Reads splits as `FrameFeatures`; the same split once, so that the budget is charged once.

    Args:
        upstream: the frozen upstream.
        gain_db: see `extract`.
        budget: disk space for features.
        progress: shows bars, and a line where the budget does not reach.
    """

    def __init__(
        self, upstream: Upstream, *, gain_db: float, budget: Budget, progress: Progress
    ) -> None:
        self._upstream, self._gain_db = upstream, gain_db
        self._budget, self._progress = budget, progress
        self._known: list[tuple[Sequence[Utterance], FrameFeatures]] = []

    def __call__(self, utterances: Sequence[Utterance]) -> FrameFeatures:
        """The frames of a split."""
        for known, features in self._known:
            if known is utterances:
                return features
        features = FrameFeatures(
            self._upstream,
            utterances,
            gain_db=self._gain_db,
            budget=self._budget,
            progress=self._progress,
        )
        self._known.append((utterances, features))
        beyond = len(utterances) - features.n_stored
        if self._budget.left is not None and beyond:
            self._progress.line(
                f"the features of {beyond} of {len(utterances)} utterances are beyond "
                "--feature-cache: they are computed whenever they are read"
            )
        return features
