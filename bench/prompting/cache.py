"""Cached decoding steps: what was read once is kept once, whatever the number of beams."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.prompting.frozen import FrozenLM
from bench.prompting.past import Past, PromptKv, attend


class Cache:
    """Keys and values of every layer for a batch that grows token by token.

    Args:
        frozen: the LM.
        past: what was read so far, see `FrozenLM.read`.
        room: tokens that will be added to each utterance.
        beam: rows that go on from each utterance, side by side.
    """

    def __init__(self, frozen: FrozenLM, past: Past, room: int, beam: int = 1) -> None:
        self.frozen, self.layers = frozen, past.layers
        self.n_added = 0
        device, heads = frozen.device, frozen.shape.heads
        self.unseen = past.unseen(1, device)
        self.lengths = torch.from_numpy(past.lengths).repeat_interleave(beam).to(device)
        head_dim = frozen.shape.dim // heads
        shape = (len(past.layers), 2, heads, len(self.lengths), room, head_dim)
        self.added = torch.empty(shape, dtype=frozen.dtype, device=device)
        self._spare = torch.empty_like(self.added[0])

    def reorder(self, parents: Tensor) -> None:
        """Let each row continue another row of the same utterance.

        Args:
            parents: (n_rows,) index of the row to continue.
        """
        spare = self._spare[:, :, :, : self.n_added]  # nothing that grows step by step is allocated
        for layer in self.added:
            added = layer[:, :, :, : self.n_added]
            torch.index_select(added, 2, parents, out=spare)
            added.copy_(spare)

    @torch.no_grad()
    def step(self, tokens: Tensor, vectors: Tensor | None) -> Tensor:
        """Read one more token of every row.

        Args:
            tokens: (n_rows,) embedding rows, in packed order, beams side by side.
            vectors: as for the first pass.

        Returns:
            (n_rows, dim) hidden states after the final norm, float32.
        """
        frozen = self.frozen
        # Rows that are done go on beside the others, maybe beyond the last position.
        places = (self.lengths + self.n_added).clamp_max(frozen.shape.max_positions - 1)
        x = frozen.embedded(tokens, places, vectors)
        for layer, past, added in zip(frozen.layers, self.layers, self.added, strict=True):
            qkv = layer.qkv(layer.attn_norm(x, frozen.dtype))
            q, *kv = qkv.view(len(qkv), 3, frozen.shape.heads, -1).permute(1, 2, 0, 3)
            for kept, new in zip(added, kv, strict=True):
                kept[:, :, self.n_added] = new
            since = PromptKv(*added[:, :, :, : self.n_added + 1].flatten(1, 2))
            mixed = attend(q, past, self.unseen, since)
            x = layer.feed_forward(x + layer.out(mixed), frozen.dtype)
        self.n_added += 1
        return frozen.final_norm(x, x.dtype)
