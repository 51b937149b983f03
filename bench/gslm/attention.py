"""Causal attention over packed batches, with prompts as extra keys and values.

Two ways to the same result. `PackedAttention`, below, goes group by group, written out (batched
matrix products and a softmax): prompts shared by a whole batch need only one product (heads, all
tokens, prompts) instead of a copy for every utterance, and torch's fused attention is several
times slower at the bfloat16 backward on a CPU. `padded_attention` lays the batch into one
rectangle, which is faster where groups are many and small.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from bench.gslm.packing import Group
from bench.gslm.padded_attention import padded_attention

_SAFE_SUM = 1e20
"""Exponentials are taken as they are while their sums stay below this and above its inverse."""


def wide(x: Tensor) -> Tensor:
    """`x` in at least float32: softmax sums are not taken in bfloat16."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _split_heads(x: Tensor, parts: int, heads: int) -> Tensor:
    """(n, parts * dim) to (parts, heads, n, head_dim), a contiguous copy."""
    apart = x.view(x.shape[0], parts, heads, -1).permute(1, 2, 0, 3)
    return apart.clone(memory_format=torch.contiguous_format)


def _rectangles(x: Tensor, length: int) -> Tensor:
    """(heads, count * length, m) to (heads * count, length, m)."""
    return x.view(-1, length, x.shape[-1])


class _Exponentials(NamedTuple):
    """Attention weights of a group before they are divided by their row's sum.

    Attributes:
        own: (heads * count, outputs, length), towards the utterance's own tokens.
        shared: (heads, count * outputs, n_prompts), towards the prompts; None without prompts.
        total: (heads, count * outputs), sums of both, in at least float32.
    """

    own: Tensor
    shared: Tensor | None
    total: Tensor


def _scores(
    q: Tensor, k: Tensor, prompt_keys: Tensor | None, g: Group
) -> tuple[Tensor, Tensor | None]:
    """Towards all tokens of the utterance, later ones as well, and towards the prompts."""
    own = torch.bmm(_rectangles(q, g.outputs), _rectangles(k, g.length).transpose(1, 2))
    return own, None if prompt_keys is None else torch.bmm(q, prompt_keys.transpose(1, 2))


def _exponentiated(own: Tensor, shared: Tensor | None, g: Group) -> _Exponentials:
    """Of scores, in their place."""
    own.exp_().tril_(g.length - g.outputs)
    total = wide(own.sum(dim=2)).view(-1, g.utterances * g.outputs)
    if shared is not None:
        total = total + shared.exp_().sum(dim=2)
    return _Exponentials(own, shared, total)


def _exponentials(q: Tensor, k: Tensor, prompt_keys: Tensor | None, g: Group) -> _Exponentials:
    """Less by the largest score of each row only where their range asks for it.

    Floating-point numbers are as exact at any size, and to find and subtract the largest takes
    longer than all else between the two products.
    """
    plain = _exponentiated(*_scores(q, k, prompt_keys, g), g)
    least, most = plain.total.aminmax()
    if least > 1 / _SAFE_SUM and most < _SAFE_SUM:
        return plain
    own, shared = _scores(q, k, prompt_keys, g)
    unseen = torch.ones_like(own[0], dtype=torch.bool).triu(1 + g.length - g.outputs)
    largest = own.masked_fill(unseen, float("-inf")).amax(dim=2).view(q.shape[0], -1, 1)
    if shared is not None:
        largest = torch.maximum(largest, shared.amax(dim=2, keepdim=True))
        shared -= largest
    own -= largest.view(-1, g.outputs, 1)
    return _exponentiated(own, shared, g)


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
        inverse = torch.empty(n_outputs, heads, dtype=wide(qkv[:0]).dtype, device=qkv.device)
        saved: list[Tensor | None] = [prompt_keys, prompt_values, mixed, inverse]
        for g in groups:
            q, k, v = _queries_keys_values(qkv, queries, heads, g)
            q.mul_(scale)
            e = _exponentials(q, k, prompt_keys, g)
            y = torch.bmm(e.own, _rectangles(v, g.length)).view(heads, g.utterances * g.outputs, -1)
            if e.shared is not None and prompt_values is not None:
                y.baddbmm_(e.shared, prompt_values)
            rows = slice(g.output_start, g.output_end)
            inverse[rows] = e.total.reciprocal().t()
            by_head = mixed[rows].view(-1, heads, y.shape[2])
            by_head.copy_(y.transpose(0, 1)).mul_(inverse[rows, :, None].to(y.dtype))
            saved += [q, k, v, e.own, e.shared]
        ctx.save_for_backward(*saved)
        ctx.groups, ctx.heads, ctx.scale, ctx.n_tokens = groups, heads, scale, qkv.shape[0]
        ctx.apart = queries is not None
        return mixed

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of qkv, of the queries and of the prompts' keys and values.

        With w = e / sum(e): dL/d(score) = w * (dw - sum(w * dw)), and sum(w * dw) is the product
        of the output and its gradient, so no pass over the weights is needed for it.
        """
        (grad,) = grads
        groups, heads = ctx.groups, ctx.heads
        prompt_keys, prompt_values, mixed, inverse, *tensors = ctx.saved_tensors
        by_head = (-1, heads, grad.shape[1] // heads)
        scaled = grad.view(by_head) * inverse[:, :, None]
        means = (scaled * mixed.view(by_head)).sum(dim=2).to(grad.dtype)
        scaled = scaled.to(grad.dtype).view(grad.shape)
        parts = 2 if ctx.apart else 3
        grad_qkv = grad.new_empty(ctx.n_tokens, parts, *by_head[1:])
        grad_q = grad.new_empty(grad.shape[0], *by_head[1:]) if ctx.apart else grad_qkv[:, 0]
        grad_keys: Tensor | None = None
        grad_values: Tensor | None = None
        for i, g in enumerate(groups):
            q, k, v, own, shared = tensors[5 * i : 5 * i + 5]
            dy_heads = _split_heads(scaled[g.output_start : g.output_end], 1, heads)[0]
            dy = _rectangles(dy_heads, g.outputs)
            mean = means[g.output_start : g.output_end].t()[:, :, None].contiguous()
            ds = torch.bmm(dy, _rectangles(v, g.length).transpose(1, 2))
            ds.sub_(mean.view(-1, g.outputs, 1)).mul_(own)
            dq = torch.bmm(ds, _rectangles(k, g.length)).view(q.shape)
            dk = torch.bmm(ds.transpose(1, 2), _rectangles(q, g.outputs))
            dv = torch.bmm(own.transpose(1, 2), dy)
            if shared is not None:
                ds = torch.bmm(dy_heads, prompt_values.transpose(1, 2))
                ds.sub_(mean).mul_(shared)
                dq += torch.bmm(ds, prompt_keys)
                # The transposed product: oneDNN is twice as fast at it in bfloat16.
                dpk = torch.bmm(q.transpose(1, 2), ds).transpose(1, 2)
                dpv = torch.bmm(dy_heads.transpose(1, 2), shared).transpose(1, 2)
                grad_keys = dpk if grad_keys is None else grad_keys + dpk
                grad_values = dpv if grad_values is None else grad_values + dpv
            dq *= ctx.scale
            grad_q[g.output_start : g.output_end] = dq.transpose(0, 1)
            for part, d in ((parts - 2, dk), (parts - 1, dv)):
                rows = d.view(heads, -1, by_head[2]).transpose(0, 1)
                grad_qkv[g.start : g.end, part] = rows
        return (
            grad_qkv.view(ctx.n_tokens, -1),
            grad_q.reshape(grad.shape) if ctx.apart else None,
            grad_keys,
            grad_values,
            None,
            None,
        )


def _fits_a_rectangle(qkv: Tensor, groups: tuple[Group, ...]) -> bool:
    """Whether `padded_attention` is the faster way.

    On two CPU cores in float32 a step of five utterances of five lengths takes 0.6 to 0.85 of the
    time, one of thirty-two utterances in ten groups as long as before.
    """
    if qkv.device.type != "cpu":
        return True
    return qkv.dtype == torch.float32 and 2 * len(groups) > sum(g.utterances for g in groups)


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
        groups = tuple(g.with_every_output() for g in groups)
    attend = padded_attention if _fits_a_rectangle(qkv, groups) else PackedAttention.apply
    out: Tensor = attend(qkv, queries, prompt_keys, prompt_values, groups, heads)
    return out
