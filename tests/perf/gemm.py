"""The bfloat16 matrix-product rate of this machine, on the shapes of the model."""

from __future__ import annotations

import statistics
import time

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

from bench.gslm.card import LmShape

_LAYERS = 4
"""Layers of weights gone through in turn, so that none stays in a cache."""


def gemm_rate(shape: LmShape, n_tokens: int, repeats: int = 5) -> float:
    """FLOP per second of the products of a training step and nothing else.

    For every linear map of a layer: the forward product, and the one that gives the gradient of
    its input.

    Args:
        shape: the LM's.
        n_tokens: rows of the activations.
        repeats: passes over the layers; the median counts.
    """
    d, ffn = shape.dim, shape.ffn_dim
    maps = [(d, 3 * d), (d, d), (d, ffn), (ffn, d)]
    weights = [[torch.randn(outs, ins).bfloat16() for ins, outs in maps] for _ in range(_LAYERS)]
    inputs = {n: torch.randn(n_tokens, n).bfloat16() for n in {d, 3 * d, ffn}}
    n_flop = _LAYERS * sum(2 * 2 * n_tokens * ins * outs for ins, outs in maps)
    seconds = []
    with torch.no_grad():
        for _ in range(repeats + 1):
            began = time.perf_counter()
            for layer in weights:
                for (ins, _), weight in zip(maps, layer, strict=True):
                    F.linear(inputs[ins], weight)
            for layer in reversed(weights):
                for (_, outs), weight in zip(maps, layer, strict=True):
                    inputs[outs] @ weight
            seconds.append(time.perf_counter() - began)
    return n_flop / statistics.median(seconds[1:])
