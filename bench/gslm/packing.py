"""Batches without padding: utterances laid end to end, grouped by length.

Everything but attention treats a token alone, so a batch is one (n_tokens, dim) array. Attention
needs to know where an utterance begins: equally long utterances form a `Group`, a rectangle
(count, length) within the array. No result depends on what else is in the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Group(NamedTuple):
    """A run of `count` utterances of `length` tokens that begins at token `start`."""

    start: int
    count: int
    length: int

    @property
    def end(self) -> int:
        """The token after the last."""
        return self.start + self.count * self.length


@dataclass(frozen=True)
class Packed:
    """Token sequences packed without padding.

    Attributes:
        tokens: (n_tokens,) int64, embedding rows.
        positions: (n_tokens,) int64, place in the utterance from 0.
        groups: the rectangles of equally long utterances, in order.
        order: (n_utterances,) int64, index in the input of each packed utterance.
    """

    tokens: Tensor
    positions: Tensor
    groups: tuple[Group, ...]
    order: NDArray[np.int64]

    def to(self, device: torch.device) -> Packed:
        """The same batch on another device."""
        if device.type == "cpu":
            return self
        return Packed(self.tokens.to(device), self.positions.to(device), self.groups, self.order)


def pack(sequences: Sequence[NDArray[np.int64]]) -> Packed:
    """Pack token sequences, grouped by length (stable).

    Args:
        sequences: each (length,) int64, length >= 1.

    Returns:
        The packed batch.
    """
    lengths = np.fromiter((len(s) for s in sequences), np.int64, len(sequences))
    order = np.argsort(lengths, kind="stable")
    groups: list[Group] = []
    start = 0
    for length, count in zip(*np.unique(lengths, return_counts=True), strict=True):
        groups.append(Group(start, int(count), int(length)))
        start += int(count) * int(length)
    tokens = np.concatenate([sequences[i] for i in order])
    positions = np.concatenate([np.tile(np.arange(g.length), g.count) for g in groups])
    return Packed(torch.from_numpy(tokens), torch.from_numpy(positions), tuple(groups), order)


def length_bucketed(
    lengths: NDArray[np.int64],
    batch_tokens: int,
    generator: np.random.Generator | None,
    *,
    max_utterances: int | None = None,
) -> Iterator[NDArray[np.int64]]:
    """Batches of similarly long utterances, at most `batch_tokens` tokens each.

    With a generator, utterances of equal length and then the batches are shuffled; without one
    the order is by length, which is the order for evaluation.

    Args:
        lengths: (n,) int64, tokens an utterance.
        batch_tokens: tokens a batch; an utterance longer than that is a batch of its own.
        generator: source of the shuffle, or None.
        max_utterances: utterances a batch at most.

    Yields:
        (batch,) int64 indices; every index once.
    """
    tie = generator.random(len(lengths)) if generator is not None else np.arange(len(lengths))
    order = np.lexsort((tie, lengths))
    batches: list[NDArray[np.int64]] = []
    begin = tokens = 0
    for i, index in enumerate(order):
        length = int(lengths[index])
        full = max_utterances is not None and i - begin >= max_utterances
        if i > begin and (tokens + length > batch_tokens or full):
            batches.append(order[begin:i])
            begin, tokens = i, 0
        tokens += length
    if len(order):
        batches.append(order[begin:])
    turn = generator.permutation(len(batches)) if generator is not None else range(len(batches))
    for b in turn:
        yield batches[int(b)]
