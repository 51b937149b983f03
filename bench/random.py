"""The one source of randomness: generators derived from a run's seed and a name.

No global generator is seeded or drawn from anywhere. A generator belongs to one purpose, named
when it is made, so that one purpose drawing more numbers changes nothing for another.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch


def derive(seed: int, *names: str | int) -> int:
    """A seed for one purpose.

    Args:
        seed: the run's seed.
        names: the purpose, e.g. `"batches", epoch`.

    Returns:
        0 <= seed < 2**63, the same on every machine and Python version.
    """
    text = json.dumps([seed, *names], ensure_ascii=True)
    return int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:8], "big") >> 1


def numpy_generator(seed: int, *names: str | int) -> np.random.Generator:
    """A numpy generator for one purpose (see `derive`)."""
    import numpy as np

    return np.random.Generator(np.random.PCG64(derive(seed, *names)))


def torch_generator(seed: int, *names: str | int) -> torch.Generator:
    """A torch generator on the CPU for one purpose (see `derive`)."""
    import torch

    generator = torch.Generator()
    generator.manual_seed(derive(seed, *names))
    return generator
