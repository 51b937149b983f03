"""Reference work of fixed size, timed between the steps of a cell: what this machine can do now.

Seconds say nothing on a shared machine, or on another one. Three pieces of plain torch, none of it
this project's code, stand for the kinds of work that training steps are made of: matrix products
with attention, a recurrent network, and many small operations whose cost is their dispatch. A cell
is slower only if it slowed down more than every one of them did, so a machine that is merely
different in kind makes the judgement milder, never wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from bench.random import torch_generator

Clock: TypeAlias = "Callable[[], float]"


def clock(threads: int) -> Clock:
    """What steps are timed with.

    With one thread the processor time of this process: time that other processes took away does
    not count. With several it would count threads that only wait, so there the wall clock is used.
    """
    return time.process_time if threads == 1 else time.perf_counter


class Kernels:
    """The reference work, ready to run.

    Args:
        clock: see `clock`.
        bf16: also products in bfloat16, for cells that compute in it.
    """

    def __init__(self, clock: Clock, *, bf16: bool) -> None:
        self._clock = clock
        self._work: dict[str, Callable[[], object]] = {
            "products": _products(torch.float32),
            "recurrent": _recurrent(),
            "dispatch": _dispatch(),
        }
        if bf16:
            self._work["products_bf16"] = _products(torch.bfloat16)
        for _ in range(3):  # the first calls also lay out weights and fill caches
            self.time_s()

    def time_s(self) -> Mapping[str, float]:
        """Seconds of each piece, once."""
        found = {}
        for name, work in self._work.items():
            began = self._clock()
            work()
            found[name] = self._clock() - began
        return found


def _products(dtype: torch.dtype) -> Callable[[], object]:
    """Two frozen transformer layers, forward and back to their input."""
    generator = torch_generator(0, "kernels", "products")
    n, dim, heads, ffn = 128, 256, 4, 1024
    sizes = ((3 * dim, dim), (dim, dim), (ffn, dim), (dim, ffn))
    qkv, out, up, down = (
        (torch.randn(size, generator=generator) / size[1] ** 0.5).to(dtype) for size in sizes
    )
    x = torch.randn(n, dim, generator=generator).to(dtype).requires_grad_()

    def layer(h: Tensor) -> Tensor:
        parts = F.linear(F.layer_norm(h, (dim,)), qkv).view(n, 3, heads, -1).permute(1, 2, 0, 3)
        q, k, v = parts.unbind()
        seen = torch.softmax(q @ k.transpose(1, 2) / 8.0, dim=-1) @ v
        h = h + F.linear(seen.transpose(0, 1).reshape(n, dim), out)
        return h + F.linear(F.relu(F.linear(F.layer_norm(h, (dim,)), up)), down)

    def work() -> object:
        return torch.autograd.grad(layer(layer(x)).float().sum(), x)

    return work


def _recurrent() -> Callable[[], object]:
    """A bidirectional LSTM over 40 frames, forward and backward."""
    generator = torch_generator(0, "kernels", "recurrent")
    module = nn.LSTM(64, 128, bidirectional=True, batch_first=True)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) / 12)
    x = torch.randn(8, 40, 64, generator=generator)
    parameters = list(module.parameters())

    def work() -> object:
        return torch.autograd.grad(module(x)[0].sum(), parameters)

    return work


def _dispatch() -> Callable[[], object]:
    """Eight training steps of a classifier so small that calls cost more than sums."""
    generator = torch_generator(0, "kernels", "dispatch")
    x = torch.randn(32, 64, generator=generator)
    y = torch.randint(8, (32,), generator=generator)
    w1 = (torch.randn(64, 64, generator=generator) / 8).requires_grad_()
    w2 = (torch.randn(8, 64, generator=generator) / 8).requires_grad_()

    def work() -> object:
        loss: Tensor | None = None
        for _ in range(8):
            loss = F.cross_entropy(F.linear(F.linear(x, w1), w2), y)
            for p, g in zip((w1, w2), torch.autograd.grad(loss, (w1, w2)), strict=True):
                step = 1e-9 * g / (g.square().mean().sqrt() + 1e-8)
                p.data.sub_(step)
        return loss

    return work
