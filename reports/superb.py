"""The SUPERB score: how far a row lies between filter banks (0) and the best upstream (1000).

Of every task `1000 * (s - s_fbank) / (s_best - s_fbank)`; two metrics of a task are averaged first,
tasks then. The ends are SUPERB's own, so the score means something on SUPERB's test sets only.

Source: superb_s of the SUPERB challenge (Feng et al., SUPERB @ SLT 2022, arXiv:2210.08634).
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

ENDS: dict[str, dict[str, tuple[float, float]]] = {
    "ks": {"accuracy": (0.4138, 0.9666)},
    "ic": {"accuracy": (0.0965, 0.9876)},
    "asr": {"wer": (0.2318, 0.0362)},
    "sf": {"slot_type_f1": (0.6964, 0.8981), "slot_value_cer": (0.5294, 0.2176)},
}
"""Filter banks and the best, by task and metric; fractions."""


def superb_score(values: Mapping[str, Mapping[str, float]]) -> float | None:
    """The score over the given tasks, or None if one of them is not SUPERB's or lacks a metric.

    Args:
        values: metric values by task and metric, as fractions.
    """
    tasks = []
    for task, metrics in values.items():
        if task not in ENDS or not ENDS[task].keys() <= metrics.keys():
            return None
        tasks.append(
            fmean(
                1000 * (metrics[name] - low) / (high - low)
                for name, (low, high) in ENDS[task].items()
            )
        )
    return fmean(tasks) if tasks else None
