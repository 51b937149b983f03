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

_masks: dict[torch.device, Tensor] = {}


def causal_mask(length: int, device: torch.device) -> Tensor:
    """(length, length) float32: 0 up to the diagonal, minus infinity above it.

    A corner of the largest mask asked for so far: one a length would take gigabytes.
    """
    mask = _masks.get(device)
    if mask is None or len(mask) < length:
        mask = torch.full((length, length), float("-inf"), device=device).triu(1)
        _masks[device] = mask
    return mask[:length, :length]


def _wide(x: Tensor) -> Tensor:
    """`x` in at least float32: softmax sums are not taken in bfloat16."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _split_heads(x: Tensor, parts: int, heads: int) -> Tensor:
    """(n, parts * dim) to (parts, heads, n, head_dim), contiguous."""
    return x.view(x.shape[0], parts, heads, -1).permute(1, 2, 0, 3).contiguous()


def _merge_heads(x: Tensor) -> Tensor:
    """(heads, n, head_dim) to (n, dim)."""
    return x.transpose(0, 1).reshape(x.shape[1], -1)


def _rectangles(x: Tensor, length: int) -> Tensor:
    """(heads, count * length, m) to (heads * count, length, m)."""
    return x.view(-1, length, x.shape[-1])


def _weights(q: Tensor, k: Tensor, prompt_keys: Tensor | None, g: Group) -> Tensor:
    """Attention weights, (heads * count, outputs, n_prompts + length)."""
    scores = _wide(torch.bmm(_rectangles(q, g.outputs), _rectangles(k, g.length).transpose(1, 2)))
    scores += causal_mask(g.length, q.device)[g.length - g.outputs :]
    if prompt_keys is not None:
        to_prompts = torch.bmm(q, prompt_keys.transpose(1, 2))
        scores = torch.cat([_wide(_rectangles(to_prompts, g.outputs)), scores], dim=2)
    return torch.softmax(scores, dim=2).to(q.dtype)


def _queries_keys_values(
    qkv: Tensor, queries: Tensor | None, heads: int, g: Group
) -> tuple[Tensor, Tensor, Tensor]:
    """(heads, count * outputs, head_dim) queries, (heads, count * length, head_dim) the others."""
    rows = qkv[g.start : g.end]
    if queries is None:
        q, k, v = _split_heads(rows, 3, heads).unbind(0)
    else:
        k, v = _split_heads(rows, 2, heads).unbind(0)
        (q,) = _split_heads(queries[g.output_start : g.output_end], 1, heads).unbind(0)
    return q, k, v


class PackedAttention(torch.autograd.Function):
    """Attention of every output token over its utterance's past and over the prompts."""

    @staticmethod
    def forward(
        ctx: Any,
        qkv: Tensor,
        queries: Tensor | None,
        prompt_keys: Tensor | None,
        prompt_values: Tensor | None,
        groups: tuple[Group, ...],
        heads: int,
    ) -> Tensor:
        """See `packed_attention`."""
        dim = qkv.shape[1] // (3 if queries is None else 2)
        n_outputs = qkv.shape[0] if queries is None else queries.shape[0]
        scale = (dim // heads) ** -0.5
        mixed = torch.empty(n_outputs, dim, dtype=qkv.dtype, device=qkv.device)
        saved: list[Tensor] = []
        for g in groups:
            q, k, v = _queries_keys_values(qkv, queries, heads, g)
            q = q * scale
            weights = _weights(q, k, prompt_keys, g)
            if prompt_values is None:
                y = torch.bmm(weights, _rectangles(v, g.length))
            else:
                n = prompt_values.shape[1]
                y = torch.bmm(weights[..., n:], _rectangles(v, g.length))
                shared = weights[..., :n].reshape(heads, -1, n)
                y += _rectangles(torch.bmm(shared, prompt_values), g.outputs)
            mixed[g.output_start : g.output_end] = _merge_heads(
                y.view(heads, g.utterances * g.outputs, -1)
            )
            saved += [q, k, v, weights]
        if prompt_keys is not None and prompt_values is not None:
            saved += [prompt_keys, prompt_values]
        ctx.save_for_backward(*saved)
        ctx.groups, ctx.heads, ctx.scale, ctx.n_tokens = groups, heads, scale, qkv.shape[0]
        ctx.apart = queries is not None
        return mixed

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of qkv, of the queries and of the prompts' keys and values."""
        (grad,) = grads
        groups, heads = ctx.groups, ctx.heads
        tensors = ctx.saved_tensors
        prompted = len(tensors) > 4 * len(groups)
        prompt_keys, prompt_values = tensors[-2:] if prompted else (None, None)
        head_dim = grad.shape[1] // heads
        parts = 2 if ctx.apart else 3
        grad_qkv = grad.new_empty(ctx.n_tokens, parts, heads, head_dim)
        grad_q = grad.new_empty(grad.shape[0], heads, head_dim) if ctx.apart else grad_qkv[:, 0]
        grad_keys: Tensor | None = None
        grad_values: Tensor | None = None
        for i, g in enumerate(groups):
            q, k, v, weights = tensors[4 * i : 4 * i + 4]
            dy_heads = _split_heads(grad[g.output_start : g.output_end], 1, heads)[0]
            dy = _rectangles(dy_heads, g.outputs)
            n = weights.shape[2] - g.length
            own = weights[..., n:]
            dw = _wide(torch.bmm(dy, _rectangles(v, g.length).transpose(1, 2)))
            if prompt_values is not None:
                shared = torch.bmm(dy_heads, prompt_values.transpose(1, 2))
                dw = torch.cat([_wide(_rectangles(shared, g.outputs)), dw], dim=2)
            w = _wide(weights)
            dw *= w
            ds = torch.addcmul(dw, w, dw.sum(dim=2, keepdim=True), value=-1).to(q.dtype)
            dq = torch.bmm(ds[..., n:], _rectangles(k, g.length))
            dk = torch.bmm(ds[..., n:].transpose(1, 2), _rectangles(q, g.outputs))
            dv = torch.bmm(own.transpose(1, 2), dy)
            if prompt_keys is not None:
                ds_shared = ds[..., :n].reshape(heads, -1, n)
                w_shared = weights[..., :n].reshape(heads, -1, n)
                dq += _rectangles(torch.bmm(ds_shared, prompt_keys), g.outputs)
                dpk = torch.bmm(ds_shared.transpose(1, 2), q)
                dpv = torch.bmm(w_shared.transpose(1, 2), dy_heads)
                grad_keys = dpk if grad_keys is None else grad_keys + dpk
                grad_values = dpv if grad_values is None else grad_values + dpv
            dq *= ctx.scale
            grad_q[g.output_start : g.output_end] = dq.view(heads, -1, head_dim).transpose(0, 1)
            for part, d in ((parts - 2, dk), (parts - 1, dv)):
                rows = d.view(heads, -1, head_dim).transpose(0, 1)
                grad_qkv[g.start : g.end, part] = rows
        return (
            grad_qkv.view(ctx.n_tokens, -1),
            grad_q.reshape(grad.shape) if ctx.apart else None,
            grad_keys,
            grad_values,
            None,
            None,
        )


def packed_attention(
    qkv: Tensor,
    groups: tuple[Group, ...],
    heads: int,
    *,
    queries: Tensor | None = None,
    prompt_keys: Tensor | None = None,
    prompt_values: Tensor | None = None,
) -> Tensor:
    """Causal self-attention within each utterance of a packed batch.

    Args:
        qkv: (n_tokens, 3 * dim), queries, keys and values side by side; queries unscaled. With
            `queries`, (n_tokens, 2 * dim), keys and values.
        groups: the batch's rectangles; without `queries`, all their tokens are outputs.
        heads: attention heads.
        queries: (n_outputs, dim), the queries of the output tokens only.
        prompt_keys: (heads, n_prompts, head_dim) keys that every token sees, or None.
        prompt_values: (heads, n_prompts, head_dim), given with `prompt_keys`.

    Returns:
        (n_outputs, dim).
    """
    if queries is None:
        groups = tuple(g._replace(outputs=g.length, output_start=g.start) for g in groups)
    out: Tensor = PackedAttention.apply(qkv, queries, prompt_keys, prompt_values, groups, heads)
    return out
