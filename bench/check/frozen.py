"""The fingerprint of weights that must not change, taken from memory."""

from __future__ import annotations

import hashlib

import torch

from bench.method import HoldsFrozenWeights, Method


def fingerprint(method: Method) -> str | None:
    """SHA-256 in hex over a method's frozen weights; None if it shows none.

    Args:
        method: after `__init__`.
    """
    if not isinstance(method, HoldsFrozenWeights):
        return None
    digest = hashlib.sha256()
    for name, tensor in sorted(method.frozen_tensors().items()):
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {tuple(plain.shape)} {plain.dtype}\n".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
