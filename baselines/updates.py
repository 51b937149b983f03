"""Adam's steps, with the gradients clipped together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

EPS = 1e-8
"""Adam's, as torch has it by default."""


def clip_gradients(parameters: Sequence[nn.Parameter], limit: float) -> None:
    """`torch.nn.utils.clip_grad_norm_`; on a processor with a quarter of its operations.

    Args:
        parameters: trained ones; those without a gradient are passed over.
        limit: of the norm of all gradients together.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    if any(g.device.type != "cpu" for g in gradients):
        torch.nn.utils.clip_grad_norm_(parameters, limit)
        return
    norm = math.hypot(*(float(n) for n in torch._foreach_norm(gradients)))
    if norm > limit:
        torch._foreach_mul_(gradients, limit / norm)


class _Moments(NamedTuple):
    """What Adam keeps of a parameter: how many steps it had, its mean gradient and mean square."""

    step: Tensor
    exp_avg: Tensor
    exp_avg_sq: Tensor


class Updates:
    """Adam on a module's parameters.

    By torch's own function: what its class does around it takes as long as a small step.

    Args:
        named: the trained parameters, by name.
        peak: a parameter's highest learning rate, by its name.
        betas: Adam's.
        clip_norm: of all gradients together.
        joined: lay the parameters of one rate side by side in memory, their gradients too, so that
            a step goes over them at once. For modules that leave every gradient at every step
            (Adam would move a parameter that got none by its old momentum).
    """

    def __init__(
        self,
        named: Mapping[str, nn.Parameter],
        peak: Callable[[str], float],
        betas: tuple[float, float],
        clip_norm: float,
        *,
        joined: bool,
    ) -> None:
        by_peak: dict[float, dict[str, nn.Parameter]] = {}
        for name, parameter in named.items():
            by_peak.setdefault(peak(name), {})[name] = parameter
        if joined:
            by_peak = {p: {f"as {p}": _join(list(ps.values()))} for p, ps in by_peak.items()}
        self._clip_norm = clip_norm
        self._named = {name: p for group in by_peak.values() for name, p in group.items()}
        self._parameters = list(self._named.values())
        self._groups = [(peak, list(ps.values())) for peak, ps in by_peak.items()]
        self._betas = betas
        self._moments: dict[nn.Parameter, _Moments] = {}

    def descend(self, loss: Tensor) -> None:
        """Leaves a loss's gradients in the parameters, instead of those of the last step."""
        for p in self._parameters:
            p.grad = None
        torch.autograd.backward(loss)

    @torch.no_grad()
    def step(self, share: float) -> None:
        """Moves the parameters by the gradients left in them.

        Args:
            share: of the peak rates.
        """
        clip_gradients(self._parameters, self._clip_norm)
        for peak, group in self._groups:
            moved = [(p, p.grad) for p in group if p.grad is not None]
            moments = [self._of(p) for p, _ in moved]
            adam(
                [p for p, _ in moved],
                [gradient for _, gradient in moved],
                [m.exp_avg for m in moments],
                [m.exp_avg_sq for m in moments],
                [],
                [m.step for m in moments],
                fused=True,
                amsgrad=False,
                beta1=self._betas[0],
                beta2=self._betas[1],
                lr=peak * share,
                weight_decay=0.0,
                eps=EPS,
                maximize=False,
            )

    def _of(self, parameter: nn.Parameter) -> _Moments:
        """A parameter's moments; nothing yet at its first step."""
        found = self._moments.get(parameter)
        if found is None:
            zero = torch.zeros((), device=parameter.device)
            found = _Moments(zero, torch.zeros_like(parameter), torch.zeros_like(parameter))
            self._moments[parameter] = found
        return found

    def state(self) -> dict[str, Tensor]:
        """Adam's own tensors, for a checkpoint."""
        return {
            f"{key}/{name}": value
            for name, p in self._named.items()
            if p in self._moments
            for key, value in self._moments[p]._asdict().items()
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Puts back what `state` gave; parameters that had no step yet have none then."""
        for name, p in self._named.items():
            if f"step/{name}" in tensors:
                kept = {key: tensors[f"{key}/{name}"].to(p.device) for key in _Moments._fields}
                self._moments[p] = _Moments(**kept)


def _join(parameters: Sequence[nn.Parameter]) -> nn.Parameter:
    """One parameter in whose memory the given ones, and their gradients, lie from now on."""
    joined = nn.Parameter(torch.cat([p.detach().flatten() for p in parameters]))
    joined.grad = torch.zeros_like(joined)
    sizes = [p.numel() for p in parameters]
    values = torch.split(joined.detach(), sizes)
    gradients = torch.split(joined.grad, sizes)
    for p, value, gradient in zip(parameters, values, gradients, strict=True):
        p.data, p.grad = value.view_as(p), gradient.view_as(p)
    return joined
