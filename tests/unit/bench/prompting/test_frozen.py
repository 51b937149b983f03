from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.gslm.card import LmShape
from bench.gslm.lm import UnitLM
from bench.gslm.packing import Packed, pack
from bench.prompting.frozen import FrozenLM
from bench.prompting.past import Projected
from bench.prompting.prompts import Prompts
from tests.unit.bench.gslm.models import SMALL, plain_hidden, random_lm

Mode = Literal["deep", "input"]

SEQUENCES = [
    np.array(s)
    for s in ([2, 5, 9, 5, 0, 7], [2, 11, 0], [2, 4, 4, 8, 0, 9], [2, 15, 0, 6], [2, 4, 6, 8, 0, 1])
]
OUTPUTS = [2, 1, 2, 2, 2]  # `<s>` and what comes after it
LABELS = np.array([9, 7, 5])
ONE_LAYER = LmShape(layers=1, dim=16, ffn_dim=24, heads=4, max_positions=40, n_rows=16)


def random_prompts(
    shape: LmShape, mode: Mode, length: int = 3, dtype: torch.dtype = torch.float64
) -> Prompts:
    prompts = Prompts(shape, length, mode, read_labels=LABELS).to(dtype)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for p in prompts.parameters():
            p.copy_(torch.randn(p.shape, generator=generator))
    return prompts


def batch_of(sequences: list[NDArray[np.int64]] = SEQUENCES) -> Packed:
    return pack(sequences, OUTPUTS[: len(sequences)])


def plain(lm: UnitLM, batch: Packed, prompts: Prompts | None) -> Tensor:
    """The outputs of a batch, one utterance at a time, prompts as rows."""
    vectors: dict[str, Tensor] = dict(prompts.named_parameters()) if prompts is not None else {}
    hidden = []
    for i in batch.order:
        whole = plain_hidden(
            lm, torch.from_numpy(SEQUENCES[i]), read_labels=LABELS.tolist(), **vectors
        )
        hidden.append(whole[len(whole) - OUTPUTS[i] :])
    return torch.cat(hidden)


def frozen_hidden(frozen: FrozenLM, batch: Packed, prompts: Prompts) -> Tensor:
    return frozen(batch, prompts.vectors(frozen), prompts.kv(frozen))


def test_without_prompts_it_is_the_lm_in_float32() -> None:
    lm, batch = random_lm(dtype=torch.float32), pack(SEQUENCES)
    frozen = FrozenLM(lm, torch.float32)
    torch.testing.assert_close(frozen(batch, None, None), lm(batch), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(
        frozen.next_scores(batch), lm.logits(lm(batch)), atol=1e-4, rtol=1e-4
    )
    # The last layer is computed for outputs only: that changes nothing for these.
    some = batch_of()
    whole = lm(Packed(some.tokens, some.positions, some.outputs, some.groups, some.order))
    torch.testing.assert_close(frozen(some, None, None), whole[some.outputs], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shape", [SMALL, ONE_LAYER], ids=["three-layers", "one-layer"])
@pytest.mark.parametrize("mode", ["deep", "input"])
def test_values_and_gradients_equal_prompts_prepended_as_rows(shape: LmShape, mode: Mode) -> None:
    lm, batch, prompts = random_lm(shape), batch_of(), random_prompts(shape, mode)
    lm.get_buffer("positions").copy_(UnitLM(shape).get_buffer("positions"))
    frozen = FrozenLM(lm, torch.float64)
    found, wanted = frozen_hidden(frozen, batch, prompts), plain(lm, batch, prompts)
    torch.testing.assert_close(found, wanted, atol=2e-6, rtol=2e-6)
    weight = torch.randn(found.shape, generator=torch.Generator().manual_seed(1)).double()
    parameters = dict(prompts.named_parameters())
    ours = torch.autograd.grad((found * weight).sum(), list(parameters.values()))
    theirs = torch.autograd.grad((wanted * weight).sum(), list(parameters.values()))
    for name, a, b in zip(parameters, ours, theirs, strict=True):
        assert b.abs().max() > 1e-3, f"{name}: a gradient to be compared"
        assert a.allclose(b, atol=1e-5, rtol=1e-5), name


@pytest.mark.parametrize("mode", ["deep", "input"])
def test_float32_and_bfloat16_are_close(mode: Mode) -> None:
    exact_lm, batch = random_lm(gain=1.0), batch_of()
    exact = plain(exact_lm, batch, random_prompts(SMALL, mode)).detach()
    for dtype, limit in ((torch.float32, 1e-5), (torch.bfloat16, 0.1)):
        frozen = FrozenLM(random_lm(dtype=torch.float32, gain=1.0), dtype)
        prompts = random_prompts(SMALL, mode, dtype=torch.float32)
        found = frozen_hidden(frozen, batch, prompts).detach()
        assert found.dtype == torch.float32
        assert float((found - exact).abs().max()) < limit * float(exact.abs().max())


def test_the_outputs_own_way_through_the_first_layer_changes_nothing() -> None:
    """Vectors equal to the LM's own give what none give."""
    lm, batch = random_lm(), batch_of()
    frozen = FrozenLM(lm, torch.float64)
    own = lm.embed.weight.detach()
    torch.testing.assert_close(frozen(batch, own, None), frozen(batch, None, None))
    assert not frozen(batch, -own, None).allclose(frozen(batch, None, None), atol=1e-2)


def test_neighbours_change_nothing() -> None:
    frozen, prompts = FrozenLM(random_lm(), torch.float64), random_prompts(SMALL, "deep")
    batch = batch_of()
    whole = frozen_hidden(frozen, batch, prompts)
    begin = 0
    for i in batch.order:
        alone = frozen_hidden(frozen, pack([SEQUENCES[i]], [OUTPUTS[i]]), prompts)
        torch.testing.assert_close(whole[begin : begin + OUTPUTS[i]], alone)
        begin += OUTPUTS[i]


def test_the_frozen_lm_receives_no_gradient() -> None:
    lm = random_lm()
    frozen, prompts = FrozenLM(lm, torch.float64), random_prompts(SMALL, "input")
    before = {name: t.clone() for name, t in lm.state_dict().items()}
    torch.autograd.backward(frozen_hidden(frozen, batch_of(), prompts).sum())
    assert all(p.grad is None for p in lm.parameters())
    assert all(t.equal(before[name]) for name, t in lm.state_dict().items())


def test_what_attention_sees_is_what_the_projections_are_given() -> None:
    frozen, batch = FrozenLM(random_lm(), torch.float64), pack(SEQUENCES)
    _, past = frozen.read(batch, None, None, 100)
    seen = frozen.attention_inputs(batch)
    assert len(seen) == len(past.layers) == SMALL.layers
    for layer, x, found in zip(frozen.layers, seen, past.layers, strict=True):
        wanted = layer.kv(x).view(len(x), 2, SMALL.heads, -1).permute(1, 2, 0, 3)
        assert isinstance(found.own, Projected)
        own = torch.stack(found.own).view(2, SMALL.heads, len(SEQUENCES), max(past.lengths), -1)
        for i, rows in enumerate(torch.split(wanted, past.lengths.tolist(), dim=2)):
            torch.testing.assert_close(own[:, :, i, : past.lengths[i]], rows)
