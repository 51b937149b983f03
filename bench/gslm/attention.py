"""Causal attention over packed batches, with prompts as extra keys and values.

Written out (batched matrix products and a softmax) instead of torch's fused attention: on a CPU
the fused kernel's bfloat16 backward is several times slower, and prompts shared by a whole batch
need only one product (heads, all tokens, prompts) instead of a copy for every utterance.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bench.gslm.packing import Group

_masks: dict[tuple[int, torch.device], Tensor] = {}


def causal_mask(length: int, device: torch.device) -> Tensor:
    """(length, length) float32: 0 up to the diagonal, minus infinity above it."""
    key = (length, device)
    if key not in _masks:
        if len(_masks) > 512:
            _masks.clear()
        _masks[key] = torch.full((length, length), float("-inf"), device=device).triu(1)
    return _masks[key]


def _wide(x: Tensor) -> Tensor:
    """`x` in at least float32: softmax sums are not taken in bfloat16."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _split_heads(x: Tensor, parts: int, heads: int, g: Group) -> Tensor:
    """(n_tokens, parts * dim) to (parts, heads, count * length, head_dim), contiguous."""
    rows = x[g.start : g.end]
    return rows.view(g.count * g.length, parts, heads, -1).permute(1, 2, 0, 3).contiguous()


def _merge_heads(x: Tensor) -> Tensor:
    """(heads, count * length, head_dim) to (count * length, dim)."""
    return x.transpose(0, 1).reshape(x.shape[1], -1)


def _rectangles(x: Tensor, g: Group) -> Tensor:
    """(heads, count * length, m) to (heads * count, length, m)."""
    return x.view(-1, g.length, x.shape[-1])


def _weights(q: Tensor, k: Tensor, prompt_keys: Tensor | None, g: Group) -> Tensor:
    """Attention weights, (heads * count, length, n_prompts + length)."""
    scores = _wide(torch.bmm(_rectangles(q, g), _rectangles(k, g).transpose(1, 2)))
    scores += causal_mask(g.length, q.device)
    if prompt_keys is not None:
        to_prompts = torch.bmm(q, prompt_keys.transpose(1, 2))
        scores = torch.cat([_wide(_rectangles(to_prompts, g)), scores], dim=2)
    return torch.softmax(scores, dim=2).to(q.dtype)


class PackedAttention(torch.autograd.Function):
    """Attention of every token over its utterance's past and over the prompts."""

    @staticmethod
    def forward(
        ctx: Any,
        qkv: Tensor,
        prompt_keys: Tensor | None,
        prompt_values: Tensor | None,
        groups: tuple[Group, ...],
        heads: int,
    ) -> Tensor:
        """See `packed_attention`."""
        dim = qkv.shape[1] // 3
        scale = (dim // heads) ** -0.5
        mixed = torch.empty(qkv.shape[0], dim, dtype=qkv.dtype, device=qkv.device)
        saved: list[Tensor] = []
        for g in groups:
            q, k, v = _split_heads(qkv, 3, heads, g).unbind(0)
            q *= scale
            weights = _weights(q, k, prompt_keys, g)
            if prompt_values is None:
                y = torch.bmm(weights, _rectangles(v, g))
            else:
                n = prompt_values.shape[1]
                y = torch.bmm(weights[..., n:], _rectangles(v, g))
                shared = weights[..., :n].reshape(heads, -1, n)
                y += _rectangles(torch.bmm(shared, prompt_values), g)
            mixed[g.start : g.end] = _merge_heads(y.view(heads, g.count * g.length, -1))
            saved += [q, k, v, weights]
        if prompt_keys is not None and prompt_values is not None:
            saved += [prompt_keys, prompt_values]
        ctx.save_for_backward(*saved)
        ctx.groups, ctx.heads, ctx.scale = groups, heads, scale
        return mixed

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of qkv and of the prompts' keys and values."""
        (grad,) = grads
        groups, heads = ctx.groups, ctx.heads
        tensors = ctx.saved_tensors
        prompted = len(tensors) > 4 * len(groups)
        prompt_keys, prompt_values = tensors[-2:] if prompted else (None, None)
        grad_qkv = torch.empty(
            grad.shape[0], 3, heads, grad.shape[1] // heads, dtype=grad.dtype, device=grad.device
        )
        grad_keys: Tensor | None = None
        grad_values: Tensor | None = None
        for i, g in enumerate(groups):
            q, k, v, weights = tensors[4 * i : 4 * i + 4]
            dy_heads = _split_heads(grad, 1, heads, g)[0]
            dy = _rectangles(dy_heads, g)
            n = weights.shape[2] - g.length
            own = weights[..., n:]
            dw = _wide(torch.bmm(dy, _rectangles(v, g).transpose(1, 2)))
            if prompt_values is not None:
                shared = torch.bmm(dy_heads, prompt_values.transpose(1, 2))
                dw = torch.cat([_wide(_rectangles(shared, g)), dw], dim=2)
            w = _wide(weights)
            dw *= w
            ds = torch.addcmul(dw, w, dw.sum(dim=2, keepdim=True), value=-1).to(q.dtype)
            dq = torch.bmm(ds[..., n:], _rectangles(k, g))
            dk = torch.bmm(ds[..., n:].transpose(1, 2), _rectangles(q, g))
            dv = torch.bmm(own.transpose(1, 2), dy)
            if prompt_keys is not None:
                ds_shared = ds[..., :n].reshape(heads, -1, n)
                w_shared = weights[..., :n].reshape(heads, -1, n)
                dq += _rectangles(torch.bmm(ds_shared, prompt_keys), g)
                dpk = torch.bmm(ds_shared.transpose(1, 2), q)
                dpv = torch.bmm(w_shared.transpose(1, 2), dy_heads)
                grad_keys = dpk if grad_keys is None else grad_keys + dpk
                grad_values = dpv if grad_values is None else grad_values + dpv
            dq *= ctx.scale
            for part, d in enumerate((dq, dk, dv)):
                grad_qkv[g.start : g.end, part] = d.view(heads, g.count * g.length, -1).transpose(
                    0, 1
                )
        return grad_qkv.view(grad.shape[0], -1), grad_keys, grad_values, None, None


def packed_attention(
    qkv: Tensor,
    groups: tuple[Group, ...],
    heads: int,
    prompt_keys: Tensor | None = None,
    prompt_values: Tensor | None = None,
) -> Tensor:
    """Causal self-attention within each utterance of a packed batch.

    Args:
        qkv: (n_tokens, 3 * dim), queries, keys and values side by side; queries unscaled.
        groups: the batch's rectangles of equally long utterances.
        heads: attention heads.
        prompt_keys: (heads, n_prompts, head_dim) keys that every token sees, or None.
        prompt_values: (heads, n_prompts, head_dim), given with `prompt_keys`.

    Returns:
        (n_tokens, dim).
    """
    out: Tensor = PackedAttention.apply(qkv, prompt_keys, prompt_values, groups, heads)
    return out
