"""Attention over packed batches as one padded rectangle: a few kernels, whatever the lengths.

Group by group a batch of many lengths would be hundreds of kernels a layer. A GPU would wait for
each to be asked for, and the cores of a CPU have too little to share in each. Utterances are laid
flush left, so no token that counts sees what they are filled up with, and a result does not depend
on what else is in the batch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from bench.gslm.packing import Group, Rectangle


class _Layout(NamedTuple):
    """A batch's rectangles.

    Attributes:
        tokens: of all tokens, flush left.
        outputs: of those that are asked for an output, flush left.
        seen: (utterances, 1, longest output, n_prompts + longest) bool, which keys each of those
            attends to.
    """

    tokens: Rectangle
    outputs: Rectangle
    seen: Tensor


@lru_cache(maxsize=4)
def _layout(groups: tuple[Group, ...], n_prompts: int, device: torch.device) -> _Layout:
    """Of a batch; every layer asks for the same, so the last few are kept."""
    count = np.array([g.utterances for g in groups])
    length = np.repeat([g.length for g in groups], count)
    n_outputs = np.repeat([g.outputs for g in groups], count)
    first = (length - n_outputs)[:, None] + np.arange(n_outputs.max())
    at = torch.from_numpy(np.minimum(first, length[:, None] - 1)).to(device)
    own = at[:, None, :, None] >= torch.arange(int(length.max()), device=device)
    seen = F.pad(own, (n_prompts, 0), value=True)
    return _Layout(Rectangle.of(length, device), Rectangle.of(n_outputs, device), seen)


def _rectangle(x: Tensor, places: Rectangle, parts: int, heads: int) -> tuple[Tensor, ...]:
    """(n_rows, parts * dim) to `parts` times (utterances, heads, longest, head_dim)."""
    # Places that hold nothing repeat a row; their gradients are zeros, in any order the same sum.
    moved = x.index_select(0, places.there).view(*places.shape, parts, heads, -1)
    return moved.permute(2, 0, 3, 1, 4).unbind(0)


def padded_attention(
    qkv: Tensor,
    queries: Tensor | None,
    prompt_keys: Tensor | None,
    prompt_values: Tensor | None,
    groups: tuple[Group, ...],
    heads: int,
) -> Tensor:
    """See `bench.gslm.attention.packed_attention`, whose results these are."""
    n_prompts = 0 if prompt_keys is None else prompt_keys.shape[1]
    layout = _layout(groups, n_prompts, qkv.device)
    if queries is None:
        q, k, v = _rectangle(qkv, layout.tokens, 3, heads)
    else:
        k, v = _rectangle(qkv, layout.tokens, 2, heads)
        (q,) = _rectangle(queries, layout.outputs, 1, heads)
    if prompt_keys is not None and prompt_values is not None:
        k = torch.cat([prompt_keys.expand(len(k), -1, -1, -1), k], dim=2)
        v = torch.cat([prompt_values.expand(len(v), -1, -1, -1), v], dim=2)
    plain = queries is None and prompt_keys is None  # the fastest kernels know no other mask
    mixed = F.scaled_dot_product_attention(q, k, v, None if plain else layout.seen, is_causal=plain)
    outputs = layout.outputs
    rows = mixed.transpose(1, 2).reshape(outputs.there.shape[0], -1)
    return rows.index_select(0, outputs.back)
