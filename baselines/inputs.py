"""What a trained module reads of a split: rows of a table, or something made anew each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.fitting import Indices
from tasks.corpora.utterance import Utterance

IN_MEMORY_BYTES = 1 << 30
"""A larger table of means stays on disk, memory-mapped."""


class Inputs(Protocol):
    """The utterances of a split, as the module that is trained is called with them."""

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(n_utterances,) how much of a batch each takes."""
        ...

    @property
    def limit(self) -> int:
        """Sum of the sizes in a batch at most; an utterance above it is a batch of its own."""
        ...

    def take(self, batch: Indices) -> tuple[Any, ...]:
        """The module's arguments for these utterances."""
        ...


Read = Callable[[Sequence[Utterance]], Inputs]
"""Reads a split."""


class MeanTable:
    """Means over time, one row an utterance.

    Args:
        means: (n_utterances, n_layers, dim) float32, perhaps memory-mapped.
        device: where the module is.
    """

    def __init__(self, means: NDArray[np.float32], device: str | torch.device) -> None:
        small = means.nbytes <= IN_MEMORY_BYTES
        # Layers first: a step sums over them.
        self._table = torch.from_numpy(means.transpose(1, 0, 2).copy()) if small else means
        self._device = device
        self.sizes = np.ones(len(means), np.int64)
        self.limit = max(1, len(means))

    def take(self, batch: Indices) -> tuple[Tensor]:
        """(batch, n_layers, dim) float32."""
        if isinstance(self._table, Tensor):
            # Several times as fast as indexing.
            rows = self._table.index_select(1, torch.from_numpy(batch))
            return (rows.to(self._device).transpose(0, 1),)
        return (torch.from_numpy(self._table[batch]).to(self._device),)
