"""Adam's steps: the same laid side by side, and torch's clipping."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from baselines.updates import Updates, clip_gradients

BETAS = 0.9, 0.999


def parameters() -> dict[str, nn.Parameter]:
    draws = torch.Generator().manual_seed(0)
    sizes = {"a": (3, 5), "b": (7,), "slow.c": (2, 2)}
    return {n: nn.Parameter(torch.randn(size, generator=draws)) for n, size in sizes.items()}


def updates(named: dict[str, nn.Parameter], *, joined: bool) -> Updates:
    return Updates(
        named, lambda n: 1e-3 if n.startswith("slow") else 1e-1, BETAS, 0.5, joined=joined
    )


def steps(named: dict[str, nn.Parameter], taken: Updates, n: int) -> None:
    """Some steps by drawn gradients, copied into those that are there already."""
    draws = torch.Generator().manual_seed(1)
    for _ in range(n):
        for p in named.values():
            gradient = torch.randn(p.shape, generator=draws)
            if p.grad is None:
                p.grad = gradient
            else:
                p.grad.copy_(gradient)
        taken.step(0.7)


def test_joined_steps_are_torchs_own() -> None:
    ours, theirs = parameters(), parameters()
    steps(ours, updates(ours, joined=True), 9)
    adam = torch.optim.Adam(
        [
            {"params": [theirs["a"], theirs["b"]], "lr": 0.07},
            {"params": [theirs["slow.c"]], "lr": 7e-4},
        ],
        betas=BETAS,
    )
    draws = torch.Generator().manual_seed(1)
    for _ in range(9):
        for p in theirs.values():
            p.grad = torch.randn(p.shape, generator=draws)
        torch.nn.utils.clip_grad_norm_(theirs.values(), 0.5)
        adam.step()
    for name, p in theirs.items():
        torch.testing.assert_close(ours[name], p)
        assert float((p - parameters()[name]).detach().abs().max()) > 1e-3, "it was moved"


@pytest.mark.parametrize("joined", [False, True])
def test_restored_they_go_on_as_if_never_stopped(*, joined: bool) -> None:
    whole, first = parameters(), parameters()
    steps(whole, one := updates(whole, joined=joined), 3)
    steps(first, two := updates(first, joined=joined), 3)
    saved = {name: p.detach().clone() for name, p in first.items()}
    state = {name: t.clone() for name, t in two.state().items()}
    again = parameters()
    other = updates(again, joined=joined)
    for name, p in again.items():
        p.data.copy_(saved[name])
    other.restore(state)
    steps(whole, one, 2)
    steps(again, other, 2)
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_descending_replaces_the_last_gradients() -> None:
    named = parameters()
    taken = updates(named, joined=False)
    for factor in (1.0, 3.0):
        taken.descend(factor * named["a"].sum())
        torch.testing.assert_close(named["a"].grad, torch.full((3, 5), factor))
    assert named["b"].grad is None


@pytest.mark.parametrize("limit", [0.5, 1e3])
def test_clipping_is_torchs(limit: float) -> None:
    def trained() -> list[nn.Parameter]:
        draws = torch.Generator().manual_seed(0)
        found = [nn.Parameter(torch.zeros(size)) for size in ((3, 4), (5,), (2,))]
        for p in found[:2]:
            p.grad = torch.randn(p.shape, generator=draws)
        return found

    ours, theirs = trained(), trained()
    clip_gradients(ours, limit)
    torch.nn.utils.clip_grad_norm_(theirs, limit)
    assert ours[2].grad is None
    for a, b in zip(ours[:2], theirs[:2], strict=True):
        torch.testing.assert_close(a.grad, b.grad)
