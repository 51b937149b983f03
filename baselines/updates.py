"""Adam's steps, with the gradients clipped together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn


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


class Updates:
    """Adam on a module's parameters.

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
        self._peaks, self._clip_norm = list(by_peak), clip_norm
        self._named = {name: p for group in by_peak.values() for name, p in group.items()}
        self._parameters = list(self._named.values())
        groups = [{"params": list(ps.values()), "lr": peak} for peak, ps in by_peak.items()]
        self._adam = torch.optim.Adam(groups, betas=betas, fused=True)

    def descend(self, loss: Tensor) -> None:
        """Leaves a loss's gradients in the parameters, instead of those of the last step."""
        self._adam.zero_grad()
        torch.autograd.backward(loss)

    def step(self, share: float) -> None:
        """Moves the parameters by the gradients left in them.

        Args:
            share: of the peak rates.
        """
        clip_gradients(self._parameters, self._clip_norm)
        for group, peak in zip(self._adam.param_groups, self._peaks, strict=True):
            group["lr"] = peak * share
        self._adam.step()

    def state(self) -> dict[str, Tensor]:
        """Adam's own tensors, for a checkpoint."""
        states = ((name, self._adam.state.get(p, {})) for name, p in self._named.items())
        return {f"{key}/{name}": value for name, state in states for key, value in state.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Puts back what `state` gave; parameters that had no step yet have none then."""
        for name, p in self._named.items():
            if f"step/{name}" in tensors:
                keys = ("step", "exp_avg", "exp_avg_sq")
                self._adam.state[p] = {key: tensors[f"{key}/{name}"].to(p.device) for key in keys}


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
