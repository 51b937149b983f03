"""What several utterances of a batch begin with is computed once.

With causal attention, what a layer makes of a token depends on what stands before it and on
nothing else. So a batch is a tree: the first token is the same in every utterance, and among
thirty utterances of equal length a fourteenth (intents) to a tenth (keywords) of all tokens on
HuBERT units stand where another utterance has said the same so far.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.gslm.packing import Packed


class Alone:
    """A packed batch in which nothing is repeated: every row stays where it is."""

    def without(self, x: Tensor) -> Tensor:
        """See `Prefixes.without`."""
        return x

    def spread(self, x: Tensor) -> Tensor:
        """See `Prefixes.spread`."""
        return x

    def places(self, tokens: Tensor) -> Tensor:
        """See `Prefixes.places`."""
        return tokens


class Prefixes(NamedTuple):
    """A packed batch without what is repeated.

    Attributes:
        kept: (n_kept,) int64, the packed tokens that remain.
        rows: (n_tokens,) int64, of each packed token its place among these.
        repeated: (n_tokens - n_kept,) int64, the packed tokens that do not remain.
        again: (m,) int64, the places among the kept ones that these repeat.
        which: (n_tokens - n_kept,) int64, of each repeated token its place in `again`.
    """

    kept: Tensor
    rows: Tensor
    repeated: Tensor
    again: Tensor
    which: Tensor

    @classmethod
    def of(cls, batch: Packed) -> Prefixes | Alone:
        """Of a batch on a CPU.

        Tokens from an utterance's first output on stand for themselves: they may be embedded by
        trained vectors.
        """
        if batch.tokens.device.type != "cpu":
            return Alone()
        owner = _first_that_said_so(batch)
        is_kept = owner == np.arange(len(owner))
        if is_kept.all():
            return Alone()
        rows = (np.cumsum(is_kept) - 1)[owner]
        repeated = np.flatnonzero(~is_kept)
        again, which = np.unique(rows[repeated], return_inverse=True)
        arrays = (np.flatnonzero(is_kept), rows, repeated, again, which)
        return cls(*map(torch.from_numpy, arrays))

    def without(self, x: Tensor) -> Tensor:
        """(n_tokens, m) to (n_kept, m)."""
        found: Tensor = _Without.apply(x, self)
        return found

    def spread(self, x: Tensor) -> Tensor:
        """(n_kept, m) to (n_tokens, m)."""
        found: Tensor = _Spread.apply(x, self)
        return found

    def places(self, tokens: Tensor) -> Tensor:
        """Where packed tokens stand among those that are kept, (m,) int64 to the same."""
        return self.rows[tokens]


def _first_that_said_so(batch: Packed) -> NDArray[np.int64]:
    """(n_tokens,) of each packed token the one with the same past that stands for all such."""
    tokens = batch.tokens.numpy()
    count = [g.utterances for g in batch.groups]
    starts = np.concatenate(
        [np.arange(g.start, g.end, g.length) for g in batch.groups], dtype=np.int64
    )
    before = np.repeat([g.length - g.outputs for g in batch.groups], count)
    owner = np.arange(len(tokens))
    place = np.arange(before.max())
    inside = place < before[:, None]
    at = np.where(inside, starts[:, None] + place, 0)
    # No utterance goes on like another one where it has ended.
    said = np.where(inside, tokens[at], -1 - np.arange(len(at))[:, None])
    order = np.lexsort(said.T[::-1]) if len(place) else np.arange(len(at))
    said, at, inside = said[order], at[order], inside[order]
    as_above = np.zeros(said.shape, bool)
    as_above[1:] = np.logical_and.accumulate(said[1:] == said[:-1], axis=1)
    first = np.where(as_above, 0, np.arange(len(at))[:, None])
    first = np.maximum.accumulate(first, axis=0)
    owner[at[inside]] = np.take_along_axis(at, first, axis=0)[inside]
    return owner


class _Without(torch.autograd.Function):
    """Rows of the kept tokens; the others' gradient is zero."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, prefixes: Prefixes) -> Tensor:
        ctx.prefixes = prefixes
        return x.index_select(0, prefixes.kept)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        prefixes: Prefixes = ctx.prefixes
        out = grads[0].index_select(0, prefixes.rows)
        return out.index_fill_(0, prefixes.repeated, 0.0), None


class _Spread(torch.autograd.Function):
    """Rows of all tokens; gradients of those that say the same are added, in at least float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, prefixes: Prefixes) -> Tensor:
        ctx.prefixes = prefixes
        return x.index_select(0, prefixes.rows)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        prefixes: Prefixes = ctx.prefixes
        (grad,) = grads
        out = grad.index_select(0, prefixes.kept)
        wide = torch.promote_types(grad.dtype, torch.float32)
        sums = out.index_select(0, prefixes.again).to(wide)
        sums.index_add_(0, prefixes.which, grad.index_select(0, prefixes.repeated).to(wide))
        return out.index_copy_(0, prefixes.again, sums.to(grad.dtype)), None
