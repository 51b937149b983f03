"""A whole LM with attention in one rectangle, here and on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.gslm.attention import PackedAttention
from bench.gslm.card import LmShape
from bench.gslm.lm import UnitLM
from bench.gslm.packing import Packed, pack
from bench.gslm.padded_attention import padded_attention
from bench.prompting.frozen import FrozenLM

SHAPE = LmShape(layers=2, dim=16, ffn_dim=32, heads=2, max_positions=64, n_rows=14)
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def batch(*, outputs: bool) -> Packed:
    draws = np.random.default_rng(0)
    sequences = [draws.integers(4, 14, n) for n in (5, 9, 5, 1, 30)]
    return pack(sequences, [2, 1, 1, 1, 4] if outputs else None)


def of_pretraining(device: torch.device) -> list[Tensor]:
    """Logits and the gradients of all weights."""
    lm = UnitLM(SHAPE).reset(torch.Generator().manual_seed(0)).double().to(device)
    logits = lm.logits(lm(batch(outputs=False).to(device)))
    return [logits, *torch.autograd.grad(logits.square().mean(), list(lm.parameters()))]


def of_prompting(device: torch.device) -> list[Tensor]:
    """Hidden states of the outputs and the gradients of deep prompts."""
    draws = torch.Generator().manual_seed(1)
    frozen = FrozenLM(UnitLM(SHAPE).reset(draws).double(), torch.float64, device)
    drawn = torch.randn(2, SHAPE.layers, 3, SHAPE.dim, generator=draws, dtype=torch.float64)
    keys, values = drawn.to(device).requires_grad_().unbind(0)
    hidden = frozen(batch(outputs=True).to(device), None, frozen.deep_kv(keys, values))
    return [hidden, *torch.autograd.grad(hidden.square().mean(), [keys, values])]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("of", [of_pretraining, of_prompting])
def test_it_is_the_attention_by_groups(
    of: Callable[[torch.device], list[Tensor]], device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = of(torch.device("cpu"))
    monkeypatch.setattr(PackedAttention, "apply", padded_attention)
    for found, expected in zip(of(torch.device(device)), wanted, strict=True):
        torch.testing.assert_close(found.cpu(), expected)
