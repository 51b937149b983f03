"""Metrics as people write them."""

from __future__ import annotations

_WRITTEN = {"wer": "WER", "cer": "CER", "f1": "F1"}


def metric_name(metric: str) -> str:
    """`slot_type_f1` as `slot type F1`."""
    return " ".join(_WRITTEN.get(word, word) for word in metric.split("_"))
