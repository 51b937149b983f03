"""Small LMs, and a plain dense one to hold them against: one utterance, no packing, no cache."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from bench.gslm.card import BOS, N_SPECIALS, GslmCard, LmShape
from bench.gslm.folder import Gslm
from bench.gslm.lm import Layer, UnitLM

SMALL = LmShape(layers=3, dim=16, ffn_dim=24, heads=2, max_positions=40, n_rows=16)


def random_lm(
    shape: LmShape = SMALL, seed: int = 0, dtype: torch.dtype = torch.float64, gain: float = 2.0
) -> UnitLM:
    """An LM in which every weight matters: norms and biases are not 1 and 0."""
    generator = torch.Generator().manual_seed(seed)
    lm = UnitLM(shape).reset(generator).to(dtype)
    with torch.no_grad():
        for name, p in lm.named_parameters():
            if p.ndim > 1:
                p.mul_(gain)
            else:
                p.add_(0.3 * torch.randn(p.shape, generator=generator))
            assert torch.isfinite(p).all(), name
    return lm


def gslm_of(lm: UnitLM, *, backwards: bool = False) -> Gslm:
    """A GSLM with as many units as the LM has rows for; `backwards`: the last row is unit 0."""
    rows = list(range(N_SPECIALS, lm.shape.n_rows))
    card = GslmCard(
        name="small", n_units=len(rows), rows=rows[::-1] if backwards else rows, lm=lm.shape
    )
    return Gslm(card, lm, "0" * 64)


@cache
def plain_positions(length: int, dim: int) -> Tensor:
    """fairseq's sinusoids, element by element, float64."""
    half = dim // 2
    table = [
        [f((t + 2) * 10000 ** (-i / (half - 1))) for f in (math.sin, math.cos) for i in range(half)]
        for t in range(length)
    ]
    return torch.tensor(table, dtype=torch.float64)


def plain_hidden(
    lm: UnitLM,
    tokens: Tensor,
    *,
    separator: Tensor | None = None,
    key: Tensor | None = None,
    value: Tensor | None = None,
    prompt: Tensor | None = None,
    label_vectors: Tensor | None = None,
    read_labels: Sequence[int] = (),
) -> Tensor:
    """(length, dim) hidden states after the final norm, prompts as rows before the sequence.

    Args:
        lm: the LM.
        tokens: (length,) embedding rows.
        separator: (dim,) in place of the LM's own `<s>`.
        key: (layers, n, dim) what the first n key inputs are replaced by; with `value`.
        value: (layers, n, dim) the same for the value inputs.
        prompt: (n, dim) input vectors.
        label_vectors: (n_labels, dim) in place of the LM's own rows `read_labels` after `<s>`.
        read_labels: embedding rows.
    """
    shape = lm.shape
    x = lm.embed.weight[tokens]
    if label_vectors is not None:
        begin = int((tokens == BOS).nonzero()[-1])
        own = dict(zip(read_labels, label_vectors, strict=True))
        after = [own.get(int(t), row) for t, row in zip(tokens[begin:], x[begin:], strict=True)]
        x = torch.cat([x[:begin], torch.stack(after)])
    if separator is not None:
        x = torch.stack([separator if t == BOS else row for t, row in zip(tokens, x, strict=True)])
    x = x * math.sqrt(shape.dim) + plain_positions(len(tokens), shape.dim).to(x.dtype)
    if key is not None:
        prompt = torch.ones_like(key[0])  # anything: nobody reads it
    n = 0 if prompt is None else len(prompt)
    if prompt is not None:
        x = torch.cat([prompt, x])
    for i, layer in enumerate(lm.layers):
        assert isinstance(layer, Layer)
        h = F.layer_norm(x, (shape.dim,), layer.attn_norm.weight, layer.attn_norm.bias, 1e-5)
        keys = values = h
        if key is not None and value is not None:
            keys, values = torch.cat([key[i], h[n:]]), torch.cat([value[i], h[n:]])
        weights, biases = layer.qkv.weight.chunk(3), layer.qkv.bias.chunk(3)
        q, k, v = (
            F.linear(a, w, b).view(len(x), shape.heads, -1).transpose(0, 1)
            for a, w, b in zip((h, keys, values), weights, biases, strict=True)
        )
        mixed = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]
        x = x + layer.out(mixed.transpose(0, 1).reshape(len(x), -1))
        h = F.layer_norm(x, (shape.dim,), layer.ffn_norm.weight, layer.ffn_norm.bias, 1e-5)
        x = x + layer.down(torch.relu(layer.up(h)))
    x = F.layer_norm(x, (shape.dim,), lm.final_norm.weight, lm.final_norm.bias, 1e-5)
    return x[n:]
