"""The unit language model in plain torch: fairseq's `transformer_lm`, on packed batches.

Pre-norm layers, a final norm, ReLU, sinusoidal positions with fairseq's offset, embeddings scaled
by sqrt(dim) and tied to the output. Names of the weights are those of `lm.safetensors`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from bench.gslm.attention import packed_attention
from bench.gslm.card import PAD, LmShape
from bench.gslm.dropout import byte_dropout
from bench.gslm.packing import Packed


def sinusoids(n_positions: int, dim: int) -> Tensor:
    """fairseq's sinusoidal positions; the first token stands at row PAD + 1.

    Args:
        n_positions: positions wanted.
        dim: even.

    Returns:
        (n_positions, dim) float32: sines in the first half, cosines in the second.

    Source: fairseq SinusoidalPositionalEmbedding.get_embedding, make_positions.
    """
    half = dim // 2
    frequency = torch.exp(torch.arange(half, dtype=torch.float) * -(math.log(10000) / (half - 1)))
    first = PAD + 1
    angle = torch.arange(first, first + n_positions, dtype=torch.float)[:, None] * frequency[None]
    return torch.cat([angle.sin(), angle.cos()], dim=1)


class Layer(nn.Module):
    """One pre-norm transformer layer. `qkv` holds the query, key and value projections."""

    def __init__(self, shape: LmShape) -> None:
        super().__init__()
        d = shape.dim
        self.attn_norm = nn.LayerNorm(d)
        self.qkv = nn.Linear(d, 3 * d)
        self.out = nn.Linear(d, d)
        self.ffn_norm = nn.LayerNorm(d)
        self.up = nn.Linear(d, shape.ffn_dim)
        self.down = nn.Linear(shape.ffn_dim, d)


def positive(y: Tensor) -> Tensor:
    """1 where the output of a ReLU is positive, else 0; int8, by which a gradient is multiplied.

    Products with int8 take a fourth of the time of those with bool on a CPU.
    """
    return y.to(torch.bool).view(torch.int8)


class Relu(torch.autograd.Function):
    """ReLU that keeps one byte an element for its backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """max(x, 0)."""
        y = x.clamp_min(0)
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(positive(y))
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        """The gradient where the output is positive."""
        (kept,) = ctx.saved_tensors
        grad: Tensor = grads[0] * kept
        return grad


def relu(x: Tensor) -> Tensor:
    """max(x, 0), any shape."""
    y: Tensor = Relu.apply(x)
    return y


class UnitLM(nn.Module):
    """A unit language model on packed batches.

    Args:
        shape: widths and depths.
    """

    def __init__(self, shape: LmShape) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(shape.n_rows, shape.dim)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.final_norm = nn.LayerNorm(shape.dim)
        self.register_buffer(
            "positions", sinusoids(shape.max_positions, shape.dim), persistent=False
        )

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> UnitLM:
        """Fresh weights, as fairseq draws them.

        Embeddings are normal with deviation dim ** -0.5 (the padding row 0), projections Xavier
        uniform (query, key and value with gain 1 / sqrt 2), biases of the attention 0.

        Returns:
            Itself.

        Source: fairseq transformer_lm, MultiheadAttention.reset_parameters.
        """
        d = self.shape.dim
        self.embed.weight.normal_(0, d**-0.5, generator=generator)
        self.embed.weight[PAD].zero_()
        for layer in self.layers:
            assert isinstance(layer, Layer)
            for part in torch.split(layer.qkv.weight, d):
                nn.init.xavier_uniform_(part, gain=2**-0.5, generator=generator)
            for linear in (layer.out, layer.up, layer.down):
                nn.init.xavier_uniform_(linear.weight, generator=generator)
            for linear in (layer.qkv, layer.out, layer.up, layer.down):
                linear.bias.zero_()
            layer.attn_norm.reset_parameters()
            layer.ffn_norm.reset_parameters()
        self.final_norm.reset_parameters()
        return self

    def embedded(self, batch: Packed) -> Tensor:
        """Scaled embeddings plus positions.

        Returns:
            (n_tokens, dim).
        """
        positions = self.get_buffer("positions")
        scaled: Tensor = self.embed(batch.tokens) * math.sqrt(self.shape.dim)
        return scaled + positions[batch.positions]

    def forward(
        self, batch: Packed, dropout: float = 0.0, generator: np.random.Generator | None = None
    ) -> Tensor:
        """Hidden states after the final norm.

        Args:
            batch: every utterance at most `shape.max_positions` tokens.
            dropout: probability, on the embedding and on the residual branches.
            generator: source of the dropout; None for none.

        Returns:
            (n_tokens, dim).
        """
        x = byte_dropout(self.embedded(batch), dropout, generator)
        for layer in self.layers:
            assert isinstance(layer, Layer)
            qkv = layer.qkv(layer.attn_norm(x))
            mixed = layer.out(packed_attention(qkv, batch.groups, self.shape.heads))
            x = x + byte_dropout(mixed, dropout, generator)
            moved = layer.down(relu(layer.up(layer.ffn_norm(x))))
            x = x + byte_dropout(moved, dropout, generator)
        hidden: Tensor = self.final_norm(x)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores of the next token over all embedding rows.

        Args:
            hidden: (n, dim), from `forward`.

        Returns:
            (n, n_rows).
        """
        return F.linear(hidden, self.embed.weight)
