"""Cached decoding steps: keys and values of what was already read, per group of equal lengths."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.gslm.packing import Group, Packed
from bench.prompting.frozen import FrozenLM, PromptKv


class Cache:
    """Keys and values of every layer for a batch that grows token by token.

    Args:
        frozen: the LM.
        batch: what was read so far.
        kv: each layer's (n_tokens, 2 * dim), as `FrozenLM.__call__` gives them.
        room: tokens that will be added to each utterance.
        beam: copies of each utterance, side by side.
    """

    def __init__(
        self, frozen: FrozenLM, batch: Packed, kv: list[Tensor], room: int, beam: int = 1
    ) -> None:
        self.frozen = frozen
        self.groups: tuple[Group, ...] = batch.groups
        self.beam = beam
        self.added = 0
        self.store = [
            [self._open(layer_kv[g.start : g.end], g, room) for g in batch.groups]
            for layer_kv in kv
        ]
        self.lengths = torch.cat(
            [torch.full((g.utterances * beam,), g.length) for g in batch.groups]
        ).to(frozen.device)

    def _open(self, rows: Tensor, g: Group, room: int) -> Tensor:
        """(2, heads, count * beam, length + room, head_dim), zero where nothing is yet."""
        heads = self.frozen.shape.heads
        split = rows.reshape(g.utterances, 1, g.length, 2, heads, -1).permute(3, 4, 0, 1, 2, 5)
        size = (g.utterances, self.beam, g.length + room, split.shape[5])
        out = split.new_empty(2, heads, *size)
        out[:, :, :, :, : g.length] = split
        out[:, :, :, :, g.length :] = 0
        return out.flatten(2, 3)

    def reorder(self, parents: Tensor) -> None:
        """Let each row continue another row of the same utterance.

        Args:
            parents: (n_rows,) index of the row to continue.
        """
        for layer in self.store:
            begin = 0
            for i, g in enumerate(self.groups):
                n = g.utterances * self.beam
                layer[i] = layer[i].index_select(2, parents[begin : begin + n] - begin)
                begin += n

    def step(
        self, tokens: Tensor, vectors: Tensor | None, prompts: list[PromptKv] | None
    ) -> Tensor:
        """Read one more token of every row.

        Args:
            tokens: (n_rows,) embedding rows, in packed order, beams side by side.
            vectors: as for the first pass.
            prompts: as for the first pass.

        Returns:
            (n_rows, dim) hidden states after the final norm, float32.
        """
        frozen = self.frozen
        # Rows that are done go on beside the others, maybe beyond the last position.
        places = (self.lengths + self.added).clamp_max(frozen.shape.max_positions - 1)
        x = frozen.embedded(tokens, places, vectors)
        for i, layer in enumerate(frozen.layers):
            qkv = layer.qkv(layer.attn_norm(x, frozen.dtype))
            mixed = self._attend(i, qkv, prompts[i] if prompts is not None else None)
            x = layer.feed_forward(x + layer.out(mixed), frozen.dtype)
        self.added += 1
        return frozen.final_norm(x, x.dtype)

    def _attend(self, layer: int, qkv: Tensor, prompt: PromptKv | None) -> Tensor:
        """(n_rows, 3 * dim) of the new tokens to (n_rows, dim)."""
        heads = self.frozen.shape.heads
        dim = qkv.shape[1] // 3
        scale = (dim // heads) ** -0.5
        mixed = qkv.new_empty(qkv.shape[0], dim)
        begin = 0
        for i, g in enumerate(self.groups):
            end = begin + g.utterances * self.beam
            q, k, v = qkv[begin:end].view(end - begin, 3, heads, -1).permute(1, 2, 0, 3).unbind(0)
            at = g.length + self.added
            store = self.store[layer][i]
            store[0, :, :, at], store[1, :, :, at] = k, v
            keys, values = store[:, :, :, : at + 1].flatten(1, 2).unbind(0)
            q = q * scale
            rows = q.reshape(heads * (end - begin), 1, -1)
            scores = torch.bmm(rows, keys.transpose(1, 2)).float()
            if prompt is not None:
                shared = torch.bmm(q, prompt.keys.transpose(1, 2)).float()
                scores = torch.cat([shared.flatten(0, 1)[:, None], scores], dim=2)
            weights = torch.softmax(scores, dim=2).to(qkv.dtype)
            n = weights.shape[2] - keys.shape[1]
            y = torch.bmm(weights[:, :, n:], values).view(heads, end - begin, -1)
            if prompt is not None:
                y = y + torch.bmm(weights[:, 0, :n].view(heads, end - begin, n), prompt.values)
            mixed[begin:end] = y.transpose(0, 1).reshape(end - begin, dim)
            begin = end
        return mixed
