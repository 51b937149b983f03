"""Cached decoding steps: what was read once is kept once, whatever the number of beams."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.gslm.packing import Packed
from bench.prompting.frozen import FrozenLM, LayerPast, Past


class Cache:
    """Keys and values of every layer for a batch that grows token by token.

    Args:
        frozen: the LM.
        batch: what was read so far.
        past: its keys and values, see `FrozenLM.read`.
        room: tokens that will be added to each utterance.
        beam: rows that go on from each utterance, side by side.
    """

    def __init__(
        self, frozen: FrozenLM, batch: Packed, past: Past, room: int, beam: int = 1
    ) -> None:
        self.frozen, self.past, self.beam = frozen, past, beam
        self.n_added = 0
        lengths = [length for g in batch.groups for length in [g.length] * (g.utterances * beam)]
        self.lengths = torch.tensor(lengths, device=frozen.device)
        heads, head_dim = frozen.shape.heads, frozen.shape.dim // frozen.shape.heads
        shape = (len(past.layers), 2, heads, len(lengths), room, head_dim)
        self.added = torch.empty(shape, dtype=frozen.dtype, device=frozen.device)

    def reorder(self, parents: Tensor) -> None:
        """Let each row continue another row of the same utterance.

        Args:
            parents: (n_rows,) index of the row to continue.
        """
        added = self.added[:, :, :, :, : self.n_added]
        added.copy_(added.index_select(3, parents))

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
        for layer, past, added in zip(frozen.layers, self.past.layers, self.added, strict=True):
            mixed = self._attend(layer.qkv(layer.attn_norm(x, frozen.dtype)), past, added)
            x = layer.feed_forward(x + layer.out(mixed), frozen.dtype)
        self.n_added += 1
        return frozen.final_norm(x, x.dtype)

    def _attend(self, qkv: Tensor, past: LayerPast, added: Tensor) -> Tensor:
        """(n_rows, 3 * dim) of the new tokens to (n_rows, dim)."""
        n_rows, dim = qkv.shape[0], self.frozen.shape.dim
        heads = self.frozen.shape.heads
        q, k, v = qkv.view(n_rows, 3, heads, -1).permute(1, 2, 0, 3)
        q = q * (dim // heads) ** -0.5
        n = self.n_added + 1
        added[0, :, :, n - 1], added[1, :, :, n - 1] = k, v
        keys, values = added[:, :, :, :n].flatten(1, 2)
        scores = torch.bmm(q.reshape(-1, 1, q.shape[2]), keys.transpose(1, 2))
        scores = scores.view(heads, n_rows, n)
        if past.shared is not None:
            shared = torch.bmm(q, past.shared.keys.transpose(1, 2))
            scores = torch.cat([scores, shared], dim=2)
        mixed = torch.empty_like(q)
        begin = 0
        for g, (own_keys, own_values) in zip(self.past.groups, past.own, strict=True):
            rows = slice(begin, begin + g.utterances * self.beam)
            by_utterance = (heads * g.utterances, self.beam, -1)
            own = torch.bmm(q[:, rows].reshape(by_utterance), own_keys.transpose(1, 2))
            both = torch.cat([own.view(heads, -1, g.length), scores[:, rows]], dim=2)
            weights = torch.softmax(both.float(), dim=2).to(qkv.dtype)
            own, scores[:, rows] = torch.split(weights, [g.length, scores.shape[2]], dim=2)
            mixed[:, rows] = torch.bmm(own.reshape(by_utterance), own_values).view(
                heads, -1, q.shape[2]
            )
            begin = rows.stop
        weights, shared = torch.split(scores, [n, scores.shape[2] - n], dim=2)
        mixed += torch.bmm(weights.reshape(-1, 1, n), values).view(mixed.shape)
        if past.shared is not None:
            mixed.baddbmm_(shared, past.shared.values)
        return mixed.transpose(0, 1).reshape(n_rows, dim)
