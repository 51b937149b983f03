"""Dropout from an explicit generator, fast on a CPU.

torch draws one 32-bit number an element, on one thread. A byte is enough: the rate is rounded to
a multiple of 1/256, and the kept values are scaled by that rounded rate. A GPU draws for itself.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def byte_dropout(x: Tensor, rate: float, generator: np.random.Generator | None) -> Tensor:
    """Drop elements of `x` with probability `rate`, and scale the others up.

    Args:
        x: any shape.
        rate: rounded to a multiple of 1/256 below 1; 0 returns `x` itself.
        generator: source of the mask; None (evaluation) returns `x` itself.

    Returns:
        Same shape and type as `x`.
    """
    threshold = min(round(rate * 256), 255)
    if generator is None or threshold == 0:
        return x
    if x.device.type == "cpu":
        drawn = torch.from_numpy(np.frombuffer(generator.bytes(x.numel()), np.uint8).copy())
    else:
        own = torch.Generator(x.device).manual_seed(int(generator.integers(2**63)))
        drawn = torch.empty(x.numel(), dtype=torch.uint8, device=x.device).random_(generator=own)
    kept = (drawn >= threshold).view(x.shape).to(dtype=x.dtype)
    return x * kept.mul_(256 / (256 - threshold))
