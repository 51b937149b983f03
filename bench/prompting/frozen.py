"""The frozen LM as prompting needs it: packed batches, prompts as keys and values, few outputs.

What makes it cheap: prompts are extra keys and values and never tokens; what several utterances
begin with is read once; the first layer's projections come from a table;
the last layer and everything after it is computed for output tokens only; and the only input that
needs a gradient besides the prompts, the vectors of the output tokens, takes its own way through
the first layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from torch import Tensor

from bench.gslm.attention import packed_attention
from bench.gslm.card import LmShape
from bench.gslm.lm import Layer, UnitLM
from bench.gslm.packing import Group, Packed, Rectangle
from bench.prompting.first_projection import FirstProjection
from bench.prompting.frozen_linear import FrozenLinear
from bench.prompting.past import LayerPast, Past, Projected, PromptKv, Unprojected, attend
from bench.prompting.prefixes import Prefixes

NORM_EPS = 1e-5
FEW = 8
"""Tokens of an utterance up to which those that ask are mapped, not those that are asked; see
`past`. A number, lest bits should depend on what else is in a batch."""


class _NarrowNorm(torch.autograd.Function):
    """A layer norm that keeps its input in the narrower type of its output for its backward.

    Mean and deviation stay as they were, so what is lost is the rounding of each element, which
    the output suffers as well; it halves the larger part of what a training step keeps.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> Tensor:
        y, mean, rstd = torch.native_layer_norm(x, (x.shape[1],), weight, bias, NORM_EPS)
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(x.to(dtype), mean, rstd, weight, bias)
        return y.to(dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        narrow, mean, rstd, weight, bias = ctx.saved_tensors
        x = narrow.to(weight.dtype)
        wanted = [True, False, False]
        dx, _, _ = torch.ops.aten.native_layer_norm_backward(
            grads[0].to(x.dtype), x, (x.shape[1],), mean, rstd, weight, bias, wanted
        )
        return dx, None, None, None


@dataclass(frozen=True)
class Norm:
    """A frozen layer norm, computed in float32."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """(n, dim) float32 to the same shape in `dtype`."""
        if dtype == x.dtype or not torch.is_grad_enabled():
            return F.layer_norm(x, (x.shape[1],), self.weight, self.bias, NORM_EPS).to(dtype)
        y: Tensor = _NarrowNorm.apply(x, self.weight, self.bias, dtype)
        return y


def _sum(x: Tensor, y: Tensor) -> Tensor:
    """Of the residual stream and what is added to it; without gradients in the place of `x`."""
    return x + y if torch.is_grad_enabled() else x.add_(y)


def _flush_left(rows: Tensor, lengths: NDArray[np.int64]) -> Tensor:
    """(n_rows, m) packed to (utterances, longest, m)."""
    if len(rows) == len(lengths) * lengths.max():
        return rows.reshape(len(lengths), -1, rows.shape[1])
    places = Rectangle.of(lengths, rows.device)
    return rows[places.there].view(*places.shape, -1)


def _attention(
    qkv: Tensor,
    groups: tuple[Group, ...],
    heads: int,
    queries: Tensor | None,
    prompt: PromptKv | None,
) -> Tensor:
    keys, values = prompt if prompt is not None else (None, None)
    return packed_attention(
        qkv, groups, heads, queries=queries, prompt_keys=keys, prompt_values=values
    )


class FrozenLayer:
    """One layer's weights, in the precision of the products.

    Args:
        layer: the trained layer.
        dtype: of the matrix products; norms and the residual stream stay float32.
    """

    def __init__(self, layer: Layer, dtype: torch.dtype) -> None:
        def linear(module: torch.nn.Linear) -> FrozenLinear:
            weight, bias = module.weight.detach(), module.bias.detach()
            return FrozenLinear(weight.to(dtype), bias.to(dtype))

        def norm(module: torch.nn.LayerNorm) -> Norm:
            return Norm(module.weight.detach(), module.bias.detach())

        self.attn_norm, self.ffn_norm = norm(layer.attn_norm), norm(layer.ffn_norm)
        self.qkv, self.out = linear(layer.qkv), linear(layer.out)
        self.up, self.down = linear(layer.up), linear(layer.down)
        self.dim = layer.out.in_features

    @cached_property
    def q(self) -> FrozenLinear:
        """The query projection alone."""
        return self.qkv.rows(0, self.dim)

    @cached_property
    def k(self) -> FrozenLinear:
        """The key projection alone."""
        return self.qkv.rows(self.dim, 2 * self.dim)

    @cached_property
    def v(self) -> FrozenLinear:
        """The value projection alone."""
        return self.qkv.rows(2 * self.dim, 3 * self.dim)

    @cached_property
    def kv(self) -> FrozenLinear:
        """The key and value projections."""
        return self.qkv.rows(self.dim, 3 * self.dim)

    def feed_forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """The residual stream after the layer's second half, (n, dim) float32.

        Without gradients it takes the place of `x`.
        """
        return _sum(x, self.down(self.up(self.ffn_norm(x, dtype), rectify=True)))


class FrozenLM:
    """A unit LM that never changes.

    Args:
        lm: the trained LM; must not be trained on afterwards (weights may be shared).
        dtype: float32, or bfloat16 for the matrix products.
        device: where to compute.
    """

    def __init__(self, lm: UnitLM, dtype: torch.dtype, device: torch.device | str = "cpu") -> None:
        lm = lm.to(device)
        self.shape: LmShape = lm.shape
        self.dtype = dtype
        self.device = torch.device(device)
        self.embedding = lm.embed.weight.detach()
        self.positions = lm.get_buffer("positions")
        self.layers = [FrozenLayer(layer, dtype) for layer in lm.layers if isinstance(layer, Layer)]
        self.final_norm = Norm(lm.final_norm.weight.detach(), lm.final_norm.bias.detach())

    @cached_property
    def _first_projection(self) -> FirstProjection:
        """The first layer's queries, keys and values of the LM's own embedding."""
        first = self.layers[0]
        return FirstProjection(
            self.embedding * math.sqrt(self.shape.dim),
            self.positions,
            first.attn_norm.weight,
            first.attn_norm.bias,
            first.qkv.weight,
            first.qkv.bias,
            eps=NORM_EPS,
        )

    def tensors(self) -> dict[str, Tensor]:
        """The layers' weights in the precision of the products, by name."""
        return {
            f"frozen.{i}.{name}.{part}": getattr(getattr(layer, name), part)
            for i, layer in enumerate(self.layers)
            for name in ("qkv", "out", "up", "down", "attn_norm", "ffn_norm")
            for part in ("weight", "bias")
        }

    def heads_of(self, x: Tensor) -> Tensor:
        """(n, dim) to (heads, n, head_dim)."""
        return x.view(x.shape[0], self.shape.heads, -1).transpose(0, 1).contiguous()

    def deep_kv(self, keys: Tensor, values: Tensor) -> list[PromptKv]:
        """Deep prompts through each layer's frozen key and value projections.

        Args:
            keys: (layers, prompt_length, dim) key inputs.
            values: (layers, prompt_length, dim) value inputs.

        Source: SpeechPrompt (Chang et al. 2022); they stand in for normed hidden states.
        """
        return [
            PromptKv(
                self.heads_of(layer.k(key.to(self.dtype))),
                self.heads_of(layer.v(value.to(self.dtype))),
            )
            for layer, key, value in zip(self.layers, keys, values, strict=True)
        ]

    def input_kv(self, prompt: Tensor) -> list[PromptKv]:
        """Input prompts as keys and values: they see only themselves, so one pass serves a batch.

        Args:
            prompt: (prompt_length, dim) vectors before the first layer, without positions.
        """
        n, d = prompt.shape
        whole = Packed.rectangle(1, n, prompt.device)
        x, kv = prompt, []
        for i, layer in enumerate(self.layers):
            qkv = layer.qkv(layer.attn_norm(x, self.dtype))
            _, k, v = torch.split(qkv, d, dim=1)
            kv.append(PromptKv(self.heads_of(k), self.heads_of(v)))
            if i + 1 < len(self.layers):
                mixed = packed_attention(qkv, whole.groups, self.shape.heads)
                x = layer.feed_forward(x + layer.out(mixed), self.dtype)
        return kv

    def embedded(self, tokens: Tensor, positions: Tensor, vectors: Tensor | None) -> Tensor:
        """Scaled embeddings plus positions.

        Args:
            tokens: (n,) embedding rows.
            positions: (n,) places in the utterance, from 0.
            vectors: (n_rows, dim) in place of the LM's own embedding, or None.

        Returns:
            (n, dim) float32.
        """
        x = (self.embedding if vectors is None else vectors)[tokens]
        return x * math.sqrt(self.shape.dim) + self.positions[positions]

    def __call__(
        self, batch: Packed, vectors: Tensor | None, prompts: list[PromptKv] | None
    ) -> Tensor:
        """Hidden states of the output tokens.

        Args:
            batch: the packed tokens.
            vectors: (n_rows, dim) that the output tokens (`<s>` and what comes after it) are
                embedded by, or None for the LM's own; see `Prompts.vectors`.
            prompts: each layer's prompts, or None for none.

        Returns:
            (n_outputs, dim) float32, after the final norm.
        """
        return self._read(batch, vectors, prompts)[0]

    @torch.no_grad()
    def read(
        self,
        batch: Packed,
        vectors: Tensor | None,
        prompts: list[PromptKv] | None,
        n_asking: int,
    ) -> tuple[Tensor, Past]:
        """Hidden states as from a call, and what more tokens will attend to.

        Args:
            batch: as for a call.
            vectors: as for a call.
            prompts: as for a call.
            n_asking: tokens that will attend to each utterance, in all.
        """
        return self._read(batch, vectors, prompts, n_asking=n_asking)

    def _read(
        self,
        batch: Packed,
        vectors: Tensor | None,
        prompts: list[PromptKv] | None,
        *,
        n_asking: int = 0,
    ) -> tuple[Tensor, Past]:
        prefixes = Prefixes.of(batch)
        tokens, positions = prefixes.without(batch.tokens), prefixes.without(batch.positions)
        marks = prefixes.places(batch.outputs)
        heads, groups = self.shape.heads, batch.groups
        past = Past(np.repeat([g.length for g in groups], [g.utterances for g in groups]), [])
        with torch.no_grad():
            x = self.embedded(tokens, positions, None)
        own = None
        if vectors is not None:
            own = self.embedded(tokens[marks], positions[marks], vectors)
            x = x.index_copy(0, marks, own)
        for i, layer in enumerate(self.layers[:-1]):
            if i > 0:
                qkv = layer.qkv(layer.attn_norm(x, self.dtype))
            else:
                longest = max(g.length for g in batch.groups)
                qkv = self._first_projection(tokens, positions, longest)
                if own is not None:
                    qkv = qkv.index_copy(0, marks, layer.qkv(layer.attn_norm(own, self.dtype)))
            prompt = prompts[i] if prompts is not None else None
            qkv = prefixes.spread(qkv)
            if n_asking:
                past.layers.append(LayerPast(self._projected(qkv, past), prompt))
            mixed = prefixes.without(_attention(qkv, groups, heads, None, prompt))
            x = layer.feed_forward(_sum(x, layer.out(mixed)), self.dtype)
        layer = self.layers[-1]
        prompt = prompts[-1] if prompts is not None else None
        normed = layer.attn_norm(x, self.dtype)
        queries, x = layer.q(normed[marks]), x[marks]
        n_outputs = groups[0].outputs
        equally_many = all(g.outputs == n_outputs for g in groups)
        if equally_many and n_outputs + n_asking <= FEW:
            normed = prefixes.spread(normed)
            past.layers.append(LayerPast(self._unprojected(normed, past), prompt))
            unseen = past.unseen(n_outputs, self.device)
            mixed = attend(self.heads_of(queries), past.layers[-1], unseen)
        else:
            kv = prefixes.spread(layer.kv(normed))
            if n_asking:
                past.layers.append(LayerPast(self._projected(kv, past), prompt))
            mixed = _attention(kv, groups, heads, queries, prompt)
        x = layer.feed_forward(_sum(x, layer.out(mixed)), self.dtype)
        return self.final_norm(x, x.dtype), past

    def _projected(self, qkv: Tensor, past: Past) -> Projected:
        """Of (n_rows, 2 or 3 * dim) packed projections, the keys and values."""
        rows = _flush_left(qkv[:, -2 * self.shape.dim :], past.lengths)
        by_part = rows.view(*rows.shape[:2], 2, self.shape.heads, -1)
        return Projected(*by_part.permute(2, 3, 0, 1, 4).flatten(1, 2))

    def _unprojected(self, rows: Tensor, past: Past) -> Unprojected:
        """Of (n_rows, dim) packed inputs of the last layer's projections."""
        heads, last = self.shape.heads, self.layers[-1]
        keys, values = last.kv.weight.view(2, heads, -1, self.shape.dim)
        key_bias, value_bias = last.kv.bias.view(2, heads, -1)
        return Unprojected(
            _flush_left(rows, past.lengths),
            keys,
            key_bias[:, :, None],
            values.transpose(1, 2),
            value_bias[:, None],
        )

    @torch.no_grad()
    def hidden_states(self, batch: Packed) -> list[Tensor]:
        """The residual stream without prompts: before the first layer, then after each.

        Returns:
            layers + 1 times (n_tokens, dim) float32; the last after the final norm.
        """
        x = self.embedded(batch.tokens, batch.positions, None)
        seen = [x]
        for layer in self.layers:
            qkv = layer.qkv(layer.attn_norm(x, self.dtype))
            mixed = packed_attention(qkv, batch.groups, self.shape.heads)
            x = layer.feed_forward(x + layer.out(mixed), self.dtype)
            seen.append(x)
        return [*seen[:-1], self.final_norm(x, x.dtype)]

    @torch.no_grad()
    def attention_inputs(self, batch: Packed) -> list[Tensor]:
        """What each layer's key and value projections see without prompts.

        Returns:
            For each layer (n_tokens, dim) float32, after the attention's norm.
        """
        inputs = self.hidden_states(batch)[:-1]
        return [layer.attn_norm(x, x.dtype) for layer, x in zip(self.layers, inputs, strict=True)]

    def next_scores(self, batch: Packed) -> Tensor:
        """Scores of the token after each output, the LM by itself: without prompts.

        Returns:
            (n_outputs, n_rows) float32.
        """
        return self.logits(self(batch, None, None))

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores of the next token over all embedding rows, in float32.

        Args:
            hidden: (n, dim) float32.

        Returns:
            (n, n_rows) float32.
        """
        return F.linear(hidden, self.embedding)
