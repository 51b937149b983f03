"""The frozen LM as prompting needs it: packed batches, prompts as keys and values, few outputs.

Three things make it cheap: prompts are extra keys and values and never tokens; the last layer and
everything after it is computed for output tokens only; and the only input that needs a gradient
besides the prompts, the vectors of the output tokens, takes its own way through the first layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from bench.gslm.attention import packed_attention
from bench.gslm.card import LmShape
from bench.gslm.lm import Layer, UnitLM
from bench.gslm.packing import Packed
from bench.prompting.frozen_linear import FrozenLinear

NORM_EPS = 1e-5


class PromptKv(NamedTuple):
    """A layer's prompts as attention sees them: (heads, prompt_length, head_dim) each."""

    keys: Tensor
    values: Tensor


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
        if dtype == x.dtype:
            return F.layer_norm(x, (x.shape[1],), self.weight, self.bias, NORM_EPS)
        y: Tensor = _NarrowNorm.apply(x, self.weight, self.bias, dtype)
        return y


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
        """The residual stream after the layer's second half, (n, dim) float32."""
        return x + self.down(self.up.rectified(self.ffn_norm(x, dtype)))


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
        self,
        batch: Packed,
        vectors: Tensor | None,
        prompts: list[PromptKv] | None,
        *,
        kv_out: list[Tensor] | None = None,
    ) -> Tensor:
        """Hidden states of the output tokens.

        Args:
            batch: the packed tokens.
            vectors: (n_rows, dim) that the output tokens (`<s>` and what comes after it) are
                embedded by, or None for the LM's own; see `Prompts.vectors`.
            prompts: each layer's prompts, or None for none.
            kv_out: a list that takes each layer's (n_tokens, 2 * dim) keys and values, for
                cached decoding.

        Returns:
            (n_outputs, dim) float32, after the final norm.
        """
        d, heads, last = self.shape.dim, self.shape.heads, len(self.layers) - 1
        with torch.no_grad():
            constant = self.embedded(batch.tokens, batch.positions, None)
        x = constant
        marks = batch.outputs
        if vectors is not None:
            own = self.embedded(batch.tokens[marks], batch.positions[marks], vectors)
            x = x.index_copy(0, marks, own)
        for i, layer in enumerate(self.layers):
            keys, values = prompts[i] if prompts is not None else (None, None)
            if i == last:
                normed = layer.attn_norm(x, self.dtype)
                kv = layer.kv(normed)
                queries = layer.q(normed[batch.outputs])
                if kv_out is not None:
                    kv_out.append(kv)
                mixed = packed_attention(
                    kv,
                    batch.groups,
                    heads,
                    queries=queries,
                    prompt_keys=keys,
                    prompt_values=values,
                )
                x = x[batch.outputs]
            else:
                if i == 0 and vectors is not None:
                    with torch.no_grad():
                        qkv = layer.qkv(layer.attn_norm(constant, self.dtype))
                    qkv = qkv.index_copy(0, marks, layer.qkv(layer.attn_norm(own, self.dtype)))
                else:
                    qkv = layer.qkv(layer.attn_norm(x, self.dtype))
                if kv_out is not None:
                    kv_out.append(qkv[:, d:])
                mixed = packed_attention(
                    qkv, batch.groups, heads, prompt_keys=keys, prompt_values=values
                )
            x = layer.feed_forward(x + layer.out(mixed), self.dtype)
        return self.final_norm(x, x.dtype)

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
