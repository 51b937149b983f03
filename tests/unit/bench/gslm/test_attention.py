from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from bench.gslm.attention import PackedAttention, packed_attention
from bench.gslm.packing import Packed, pack
from bench.gslm.padded_attention import padded_attention

HEADS, DIM, N_PROMPTS = 2, 8, 3
LENGTHS, OUTPUTS = [4, 1, 4, 2, 4], [2, 1, 4, 1, 2]


@pytest.fixture(params=["by groups", "in one rectangle"], autouse=True)
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "by groups":
        monkeypatch.setattr(PackedAttention, "apply", padded_attention)


@pytest.fixture
def batch() -> Packed:
    return pack([np.arange(n) for n in LENGTHS], OUTPUTS)


def normal(*size: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*size, generator=generator, dtype=torch.float64).requires_grad_()


def prompts() -> tuple[Tensor, Tensor]:
    size = (HEADS, N_PROMPTS, DIM // HEADS)
    return normal(*size, seed=1), normal(*size, seed=2)


def dense(qkv: Tensor, batch: Packed, keys: Tensor | None, values: Tensor | None) -> Tensor:
    """One utterance at a time through torch's own attention."""
    mixed = []
    for g in batch.groups:
        for rows in torch.split(qkv[g.start : g.end], g.length):
            q, k, v = (a.view(g.length, HEADS, -1).transpose(0, 1) for a in rows.chunk(3, dim=1))
            n = 0
            if keys is not None and values is not None:
                n = keys.shape[1]
                k, v = torch.cat([keys, k], dim=1), torch.cat([values, v], dim=1)
            seen = torch.ones(g.length, n + g.length, dtype=torch.bool).tril(n)
            y = F.scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=seen)[0]
            mixed.append(y.transpose(0, 1).reshape(g.length, DIM))
    return torch.cat(mixed)


@pytest.mark.parametrize("lengths", [[3, 5, 4, 1, 2], [3, 3, 3, 4, 4]])
def test_it_is_the_same_attention_whatever_the_shape_of_a_float32_batch(lengths: list[int]) -> None:
    ragged = pack([np.arange(n) for n in lengths])
    qkv = normal(sum(lengths), 3 * DIM)
    keys, values = prompts()
    told = {"prompt_keys": keys.float(), "prompt_values": values.float()}
    found = packed_attention(qkv.float(), ragged.groups, HEADS, **told)
    torch.testing.assert_close(found, dense(qkv, ragged, keys, values).float())


def test_without_prompts_it_is_torchs_causal_attention(batch: Packed) -> None:
    qkv = normal(sum(LENGTHS), 3 * DIM)
    found = packed_attention(qkv, batch.groups, HEADS)
    torch.testing.assert_close(found, dense(qkv, batch, None, None))


def test_prompts_are_keys_and_values_that_all_see(batch: Packed) -> None:
    qkv, (keys, values) = normal(sum(LENGTHS), 3 * DIM), prompts()
    found = packed_attention(qkv, batch.groups, HEADS, prompt_keys=keys, prompt_values=values)
    wanted = dense(qkv, batch, keys, values)
    torch.testing.assert_close(found, wanted)
    weight = normal(*found.shape, seed=3).detach()
    for ours, theirs in zip(
        torch.autograd.grad((found * weight).sum(), [qkv, keys, values]),
        torch.autograd.grad((wanted * weight).sum(), [qkv, keys, values]),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("prompted", [False, True])
def test_queries_of_some_tokens_give_the_outputs_of_these_tokens(
    batch: Packed, prompted: bool
) -> None:
    qkv = normal(sum(LENGTHS), 3 * DIM)
    keys, values = prompts() if prompted else (None, None)
    whole = packed_attention(qkv, batch.groups, HEADS, prompt_keys=keys, prompt_values=values)
    some = packed_attention(
        qkv[:, DIM:],
        batch.groups,
        HEADS,
        queries=qkv[batch.outputs, :DIM],
        prompt_keys=keys,
        prompt_values=values,
    )
    assert len(some) == sum(OUTPUTS)
    torch.testing.assert_close(some, whole[batch.outputs])


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("prompted", [False, True])
def test_gradients(batch: Packed, apart: bool, prompted: bool) -> None:
    keys, values = prompts() if prompted else (None, None)
    queries = normal(sum(OUTPUTS), DIM, seed=4) if apart else None
    qkv = normal(sum(LENGTHS), (2 if apart else 3) * DIM)

    def attention(
        qkv: Tensor, queries: Tensor | None, keys: Tensor | None, values: Tensor | None
    ) -> Tensor:
        return packed_attention(
            qkv, batch.groups, HEADS, queries=queries, prompt_keys=keys, prompt_values=values
        )

    inputs: tuple[Any, ...] = (qkv, queries, keys, values)
    assert torch.autograd.gradcheck(attention, inputs)


def test_an_utterance_sees_itself_only_up_to_each_token(batch: Packed) -> None:
    qkv = normal(sum(LENGTHS), 3 * DIM)
    found = packed_attention(qkv, batch.groups, HEADS)
    last = batch.groups[-1]
    middle = last.end - 2
    (grad,) = torch.autograd.grad(found[middle].sum(), qkv)
    touched = grad.abs().sum(dim=1).nonzero()[:, 0].tolist()
    assert touched == list(range(last.end - last.length, middle + 1))


def test_bfloat16_sums_are_taken_in_float32() -> None:
    qkv = normal(300, 3 * DIM).detach()
    groups = pack([np.arange(300)]).groups
    exact = packed_attention(qkv.bfloat16().double(), groups, HEADS)
    found = packed_attention(qkv.bfloat16(), groups, HEADS)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), exact, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("prompted", [False, True])
@pytest.mark.parametrize("size", [1e3, 1e-3])
def test_scores_of_any_size_are_attended_by(batch: Packed, size: float, prompted: bool) -> None:
    keys, values = prompts() if prompted else (None, None)
    qkv = normal(sum(LENGTHS), 3 * DIM) * torch.tensor([size, size, 1.0]).repeat_interleave(DIM)
    found = packed_attention(qkv, batch.groups, HEADS, prompt_keys=keys, prompt_values=values)
    torch.testing.assert_close(found, dense(qkv, batch, keys, values))


def test_scores_far_below_zero_are_told_apart() -> None:
    lengths = pack([np.arange(3)])
    qkv = torch.ones(3, 3 * DIM)
    qkv[:, :DIM] = -300.0
    qkv[:, DIM : 2 * DIM] += torch.tensor([0.0, 0.01, 0.02])[:, None]
    qkv[:, 2 * DIM :] = normal(3, DIM).detach()
    found = packed_attention(qkv, lengths.groups, HEADS)
    torch.testing.assert_close(found, dense(qkv, lengths, None, None))
