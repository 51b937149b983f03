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
        self.frozen, self.layers, self.beam = frozen, past.layers, beam
        self.n_added = 0
        device, heads = frozen.device, frozen.shape.heads
        n_read = torch.from_numpy(past.lengths).to(device)
        self.unread = torch.arange(int(n_read.max()), device=device) >= n_read[:, None, None]
        counts = torch.tensor([g.utterances * beam for g in batch.groups])
        lengths = torch.tensor([g.length for g in batch.groups])
        self.lengths = lengths.repeat_interleave(counts).to(device)
        head_dim = frozen.shape.dim // heads
        shape = (len(past.layers), 2, heads, len(self.lengths), room, head_dim)
        self.added = torch.empty(shape, dtype=frozen.dtype, device=device)

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
        for layer, past, added in zip(frozen.layers, self.layers, self.added, strict=True):
            mixed = self._attend(layer.qkv(layer.attn_norm(x, frozen.dtype)), past, added)
            x = layer.feed_forward(x + layer.out(mixed), frozen.dtype)
        self.n_added += 1
        return frozen.final_norm(x, x.dtype)

    def _attend(self, qkv: Tensor, past: LayerPast, added: Tensor) -> Tensor:
        """(n_rows, 3 * dim) of the new tokens to (n_rows, dim)."""
        n_rows, dim = qkv.shape[0], self.frozen.shape.dim
        heads = self.frozen.shape.heads
        q, k, v = qkv.view(n_rows, 3, heads, -1).permute(1, 2, 0, 3)
        q = (q * (dim // heads) ** -0.5).contiguous()
        added[0, :, :, self.n_added], added[1, :, :, self.n_added] = k, v
        # Towards what was read of the utterance, then what was added, then what all rows see.
        by_utterance = (past.own.shape[1], self.beam, -1)
        own = torch.bmm(q.view(by_utterance), past.own[0].transpose(1, 2))
        own.view(heads, len(self.unread), self.beam, -1).masked_fill_(self.unread, float("-inf"))
        keys, values = added[:, :, :, : self.n_added + 1].flatten(1, 2)
        others = torch.bmm(q.view(-1, 1, q.shape[2]), keys.transpose(1, 2))
        scores = [own.view(heads, n_rows, -1), others.view(heads, n_rows, -1)]
        if past.shared is not None:
            scores.append(torch.bmm(q, past.shared.keys.transpose(1, 2)))
        weights = torch.softmax(torch.cat(scores, dim=2).float(), dim=2).to(qkv.dtype)
        own, others, *shared = torch.split(weights, [s.shape[2] for s in scores], dim=2)
        mixed = torch.bmm(own.reshape(by_utterance), past.own[1]).view(q.shape)
        mixed += torch.bmm(others.reshape(heads * n_rows, 1, -1), values).view(q.shape)
        if past.shared is not None:
            mixed.baddbmm_(shared[0], past.shared.values)
        return mixed.transpose(0, 1).reshape(n_rows, dim)
