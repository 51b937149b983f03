"""Batches without padding: utterances laid end to end, grouped by length.

Everything but attention treats a token alone, so a batch is one (n_tokens, dim) array. Attention
needs to know where an utterance begins: equally long utterances form a `Group`, a rectangle
(count, length) within the array. No result depends on what else is in the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Group(NamedTuple):
    """A run of `utterances` utterances of `length` tokens that begins at token `start`.

    Only the last `outputs` tokens of each are asked for an output; these lie packed as well,
    from `output_start` on.
    """

    start: int
    utterances: int
    length: int
    outputs: int
    output_start: int

    @property
    def end(self) -> int:
        """The token after the last."""
        return self.start + self.utterances * self.length

    @property
    def output_end(self) -> int:
        """The output after the last."""
        return self.output_start + self.utterances * self.outputs

    def with_every_output(self) -> Group:
        """The same rectangle, an output wanted of each token."""
        return self._replace(outputs=self.length, output_start=self.start)


@dataclass(frozen=True)
class Packed:
    """Token sequences packed without padding.

    Attributes:
        tokens: (n_tokens,) int64, embedding rows.
        positions: (n_tokens,) int64, place in the utterance from 0.
        outputs: (n_outputs,) int64, index in the packed tokens of each wanted output.
        groups: the rectangles of equally long utterances, in order.
        order: (n_utterances,) int64, index in the input of each packed utterance.
    """

    tokens: Tensor
    positions: Tensor
    outputs: Tensor
    groups: tuple[Group, ...]
    order: NDArray[np.int64]

    @classmethod
    def rectangle(cls, count: int, length: int, device: torch.device) -> Packed:
        """`count` utterances of `length` tokens, all outputs; the tokens are 0."""
        n = count * length
        group = Group(0, count, length, length, 0)
        positions = torch.arange(length, device=device).repeat(count)
        every = torch.arange(n, device=device)
        return cls(torch.zeros_like(every), positions, every, (group,), np.arange(count))

    def with_every_output(self) -> Packed:
        """The same tokens, an output wanted of each."""
        groups = tuple(g.with_every_output() for g in self.groups)
        every = torch.arange(len(self.tokens), device=self.tokens.device)
        return replace(self, outputs=every, groups=groups)

    def to(self, device: torch.device) -> Packed:
        """The same batch on another device."""
        if device.type == "cpu":
            return self
        return Packed(
            self.tokens.to(device),
            self.positions.to(device),
            self.outputs.to(device),
            self.groups,
            self.order,
        )


class Rectangle(NamedTuple):
    """Where packed rows lie when each utterance is a row of one rectangle, flush left.

    Attributes:
        shape: (utterances, longest).
        there: (utterances * longest,) int64, the packed row of each place; any where there is none.
        back: (n_rows,) int64, the place of each packed row.
    """

    shape: tuple[int, int]
    there: Tensor
    back: Tensor

    @classmethod
    def of(cls, lengths: NDArray[np.int64], device: torch.device) -> Rectangle:
        """Of packed utterances of these many rows."""
        longest = int(lengths.max())
        filled = np.arange(longest) < lengths[:, None]
        back = np.flatnonzero(filled)
        there = np.zeros(filled.size, np.int64)
        there[back] = np.arange(len(back))
        return cls(
            filled.shape, torch.from_numpy(there).to(device), torch.from_numpy(back).to(device)
        )


def pack(sequences: Sequence[NDArray[np.int64]], n_outputs: Sequence[int] | None = None) -> Packed:
    """Pack token sequences, grouped by length and number of outputs (stable).

    Args:
        sequences: each (length,) int64, length >= 1.
        n_outputs: for each sequence, how many of its last tokens need an output; None for all.

    Returns:
        The packed batch.
    """
    lengths = np.fromiter((len(s) for s in sequences), np.int64, len(sequences))
    wanted = lengths if n_outputs is None else np.asarray(n_outputs, np.int64)
    order = np.lexsort((wanted, lengths))
    shapes = np.stack([lengths[order], wanted[order]], axis=1)
    cuts = np.flatnonzero((shapes[1:] != shapes[:-1]).any(axis=1)) + 1
    groups: list[Group] = []
    outputs: list[NDArray[np.int64]] = []
    start = output_start = 0
    for rectangle in np.split(shapes, cuts):
        (length, n), count = rectangle[0].tolist(), len(rectangle)
        groups.append(Group(start, count, length, n, output_start))
        ends = start + length * np.arange(1, count + 1)
        outputs.append((ends[:, None] + np.arange(-n, 0)).ravel())
        start, output_start = groups[-1].end, groups[-1].output_end
    positions = [np.tile(np.arange(g.length), g.utterances) for g in groups]
    return Packed(
        torch.from_numpy(np.concatenate([sequences[i] for i in order])),
        torch.from_numpy(np.concatenate(positions)),
        torch.from_numpy(np.concatenate(outputs)),
        tuple(groups),
        order,
    )


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
