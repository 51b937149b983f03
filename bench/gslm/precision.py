"""Which precision a device multiplies fast."""

from __future__ import annotations

import torch


def fast_in_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices faster than float32 ones."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())


def means_bf16(precision: str, device: torch.device) -> bool:
    """Whether `--precision` (`fp32`, `bf16` or `auto`) asks for bfloat16 products on a device."""
    return precision == "bf16" or (precision == "auto" and fast_in_bf16(device))
