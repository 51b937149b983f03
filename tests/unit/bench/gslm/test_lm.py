from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from bench.gslm.card import PAD, GslmCard, LmShape
from bench.gslm.lm import Layer, UnitLM, relu, sinusoids
from bench.gslm.packing import pack
from tests.unit.bench.gslm.models import SMALL, plain_hidden, plain_positions, random_lm

SEQUENCES = [np.array(s) for s in ([2, 5, 9, 5], [2], [2, 4, 4, 0], [2, 15])]


def test_it_equals_torchs_own_transformer() -> None:
    lm = random_lm()
    batch = pack(SEQUENCES)
    hidden = lm(batch)
    stack = []
    for layer in lm.layers:
        assert isinstance(layer, Layer)
        theirs = nn.TransformerEncoderLayer(
            *(SMALL.dim, SMALL.heads, SMALL.ffn_dim, 0.0),
            norm_first=True,
            batch_first=True,
            dtype=torch.float64,
        )
        theirs.load_state_dict(
            {
                "self_attn.in_proj_weight": layer.qkv.weight,
                "self_attn.in_proj_bias": layer.qkv.bias,
                "self_attn.out_proj.weight": layer.out.weight,
                "self_attn.out_proj.bias": layer.out.bias,
                "linear1.weight": layer.up.weight,
                "linear1.bias": layer.up.bias,
                "linear2.weight": layer.down.weight,
                "linear2.bias": layer.down.bias,
                "norm1.weight": layer.attn_norm.weight,
                "norm1.bias": layer.attn_norm.bias,
                "norm2.weight": layer.ffn_norm.weight,
                "norm2.bias": layer.ffn_norm.bias,
            }
        )
        stack.append(theirs)
    start = 0
    for place in batch.order:
        tokens = torch.from_numpy(SEQUENCES[place])
        n = len(tokens)
        x = lm.embed.weight[tokens] * math.sqrt(SMALL.dim) + plain_positions(n, SMALL.dim)
        mask = nn.Transformer.generate_square_subsequent_mask(n, dtype=torch.float64)
        x = x[None]
        for theirs in stack:
            x = theirs(x, src_mask=mask, is_causal=True)
        x = lm.final_norm(x)[0]
        torch.testing.assert_close(hidden[start : start + n], x, atol=1e-6, rtol=1e-6)
        plain = plain_hidden(lm, tokens)
        torch.testing.assert_close(plain, x, atol=1e-10, rtol=1e-10)
        torch.testing.assert_close(
            lm.logits(hidden[start : start + n]), x @ lm.embed.weight.t(), atol=1e-5, rtol=1e-5
        )
        start += n
    assert start == len(hidden)


def test_the_first_token_stands_at_fairseqs_position_two() -> None:
    torch.testing.assert_close(sinusoids(7, 10).double(), plain_positions(7, 10), atol=1e-6, rtol=0)
    assert sinusoids(1, 4)[0, 0] == torch.tensor(2.0).sin()


@pytest.mark.parametrize(
    "shape",
    [
        SMALL,
        LmShape(layers=1, dim=4, ffn_dim=5, heads=1, max_positions=9, n_rows=7),
    ],
)
def test_parameters_are_counted(shape: LmShape) -> None:
    assert shape.n_parameters == sum(p.numel() for p in UnitLM(shape).parameters())


def test_the_published_lm_has_its_published_size() -> None:
    shape = LmShape(layers=12, dim=1024, ffn_dim=4096, heads=16, max_positions=3072, n_rows=104)
    assert shape.n_parameters == 151_263_232
    with torch.device("meta"):
        assert sum(p.numel() for p in UnitLM(shape).parameters()) == 151_263_232


def test_fresh_weights_come_from_the_generator_and_nowhere_else() -> None:
    one, same, other = (
        UnitLM(SMALL).reset(torch.Generator().manual_seed(seed)).state_dict() for seed in (1, 1, 2)
    )
    for name, tensor in one.items():
        assert tensor.equal(same[name]), name
    assert not one["layers.1.up.weight"].equal(other["layers.1.up.weight"])
    assert one["embed.weight"][PAD].abs().sum() == 0
    assert one["embed.weight"].std() == pytest.approx(SMALL.dim**-0.5, rel=0.2)
    # Xavier with gain 2 ** -0.5 of a (dim, dim) matrix.
    assert one["layers.0.qkv.weight"].abs().max() <= (3 / SMALL.dim / 2) ** 0.5
    assert one["layers.0.qkv.bias"].abs().sum() == 0


def test_relu_and_its_gradient() -> None:
    x = torch.tensor([-2.0, -0.5, 0.5, 2.0], dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(relu(x), torch.relu(x))
    assert torch.autograd.gradcheck(relu, (x,))


def test_dropout_is_there_in_training_only() -> None:
    lm, batch = random_lm(), pack(SEQUENCES)
    assert lm(batch, 0.5).equal(lm(batch))
    dropped = [lm(batch, 0.5, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert dropped[0].equal(dropped[1])
    assert not dropped[0].equal(dropped[2])
    assert not dropped[0].equal(lm(batch))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dim": 15}, "must be even and a multiple of heads"),
        ({"heads": 3}, "must be even and a multiple of heads"),
        ({"n_rows": 4}, "greater than 4"),
        ({"layers": 0}, "greater than or equal to 1"),
        ({"width": 3}, "Extra inputs"),
    ],
)
def test_impossible_shapes_are_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LmShape.model_validate(SMALL.model_dump() | change)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([4, 5], "lists 2 units, n_units is 3"),
        ([4, 5, 5], "one embedding row twice"),
        ([3, 4, 5], "rows outside 4..15: \\[3\\]"),
        ([4, 5, 16], "rows outside 4..15: \\[16\\]"),
    ],
)
def test_a_card_whose_rows_do_not_fit_is_refused(rows: list[int], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        GslmCard(name="x", n_units=3, rows=rows, lm=SMALL)
