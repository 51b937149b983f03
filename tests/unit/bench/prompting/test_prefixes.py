from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bench.gslm.packing import Packed, pack
from bench.prompting.frozen import FrozenLM
from bench.prompting.prefixes import Alone, Prefixes
from tests.unit.bench.gslm.models import SMALL, random_lm

ALIKE = [[2, 5, 6, 0], [2, 5, 7, 0], [2, 5, 6, 7, 0, 9], [2, 5, 6, 0], [2, 8, 6, 0]]
OUTPUTS = [1, 1, 2, 1, 1]


def batch_of(sequences: list[list[int]], outputs: list[int]) -> Packed:
    return pack([np.array(s) for s in sequences], outputs)


def distinct_pasts(sequences: list[list[int]], outputs: list[int]) -> int:
    units = [s[: len(s) - n] for s, n in zip(sequences, outputs, strict=True)]
    pasts = {tuple(u[:end]) for u in units for end in range(1, len(u) + 1)}
    return len(pasts) + sum(outputs)


def test_what_has_the_same_past_remains_once() -> None:
    batch = batch_of(ALIKE, OUTPUTS)
    found = Prefixes.of(batch)
    assert isinstance(found, Prefixes)
    assert len(found.kept) == distinct_pasts(ALIKE, OUTPUTS)
    assert torch.equal(batch.tokens[found.kept][found.rows], batch.tokens)
    assert torch.equal(batch.positions[found.kept][found.rows], batch.positions)
    assert len(set(found.places(batch.outputs).tolist())) == sum(OUTPUTS), "outputs are not shared"


UTTERANCES = st.lists(
    st.tuples(st.lists(st.integers(2, 4), max_size=6), st.integers(1, 3)), min_size=1, max_size=9
)


@given(UTTERANCES)
def test_any_batch_is_its_tree(utterances: list[tuple[list[int], int]]) -> None:
    sequences = [[*units, *[0] * n] for units, n in utterances]
    outputs = [n for _, n in utterances]
    batch = batch_of(sequences, outputs)
    found = Prefixes.of(batch)
    n_distinct = distinct_pasts(sequences, outputs)
    if isinstance(found, Alone):
        assert n_distinct == len(batch.tokens)
        return
    assert len(found.kept) == n_distinct
    own = [tuple(sequences[i]) for i in batch.order]
    pasts = [s[: at + 1] for s in own for at in range(len(s))]
    for token, row in enumerate(found.rows.tolist()):
        assert pasts[int(found.kept[row])] == pasts[token]


def test_gradients() -> None:
    found = Prefixes.of(batch_of(ALIKE, OUTPUTS))
    assert isinstance(found, Prefixes)
    generator = torch.Generator().manual_seed(0)

    def rows(n: int) -> Tensor:
        x = torch.randn(n, 3, generator=generator, dtype=torch.float64)
        return x.requires_grad_()

    assert torch.autograd.gradcheck(found.spread, rows(len(found.kept)))
    assert torch.autograd.gradcheck(found.without, rows(len(found.rows)))


def test_many_small_bfloat16_gradients_are_not_lost() -> None:
    found = Prefixes.of(batch_of([[2, 0]] * 1001, [1] * 1001))
    assert isinstance(found, Prefixes)
    x = torch.zeros(len(found.kept), 1, dtype=torch.bfloat16, requires_grad=True)
    (grad,) = torch.autograd.grad(found.spread(x).sum(), x)
    assert grad[0].item() == pytest.approx(1001, rel=0.01)


@pytest.mark.parametrize("n_asked", [1, 2])
def test_a_shared_past_changes_neither_outputs_nor_gradients(n_asked: int) -> None:
    frozen = FrozenLM(random_lm(), torch.float64)
    generator = torch.Generator().manual_seed(1)
    size = (SMALL.layers, 3, SMALL.dim)
    keys, values = (
        torch.randn(size, generator=generator, dtype=torch.float64).requires_grad_()
        for _ in range(2)
    )
    outputs = [n_asked] * len(ALIKE)
    together = batch_of(ALIKE, outputs)
    kv = frozen.deep_kv(keys, values)
    hidden = frozen(together, None, kv)
    alone = [frozen(batch_of([ALIKE[i]], [n_asked]), None, kv) for i in together.order]
    torch.testing.assert_close(hidden, torch.cat(alone))
    weight = torch.randn(hidden.shape, generator=generator, dtype=torch.float64)
    wanted = torch.autograd.grad(
        (torch.cat(alone) * weight).sum(), [keys, values], retain_graph=True
    )
    found = torch.autograd.grad((hidden * weight).sum(), [keys, values])
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs)
