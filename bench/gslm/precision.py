"""Which precision a device multiplies fast."""

from __future__ import annotations

import torch

from bench.records import Precision


def fast_in_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices faster than float32 ones.

    Graphics cards do from compute capability 8 on (Ampere); older ones only emulate it.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    return bool(torch.cpu._is_avx512_bf16_supported())


def means_bf16(precision: str, device: torch.device) -> bool:
    """Whether `--precision` (`fp32`, `bf16` or `auto`) asks for bfloat16 products on a device."""
    return precision == "bf16" or (precision == "auto" and fast_in_bf16(device))


def name_of(dtype: torch.dtype) -> Precision:
    """What a type of matrix products is called in records."""
    return "bf16" if dtype == torch.bfloat16 else "fp32"
