"""Simulated measurements."""

from __future__ import annotations

import numpy as np

from bench.check.measurement import Direction, Machine, Measurement
from bench.utterance_statistics import Ratio

MACHINE = Machine(cpu="x", platform="Linux x86_64", python="3.11", packages={}, threads=1)


def measurement(seed: int, right: list[float], **changes: object) -> Measurement:
    """A run with these right (1) and wrong (0) answers."""
    content: dict[str, object] = {
        "seed": seed,
        "options": {"task": "ks", "method": "prompt", "options": {"lr": 0.1}},
        "n": {"train": 10, "valid": 5, "test": len(right)},
        "utterances": "u",
        "corpus": "c",
        "works_on_units": True,
        "model": "m",
        "model_fingerprint": "f",
        "model_n_total": 7,
        "frozen_before": "w",
        "frozen_after": "w",
        "n_trainable": 3,
        "n_trainable_paper": None,
        "primary": "accuracy",
        "scores": {
            "accuracy": Direction(
                value=sum(right) / len(right), unit="fraction", higher_is_better=True
            )
        },
        "ratios": {"accuracy": Ratio(higher_is_better=True, numerator=right, denominator=1)},
        "speakers": None,
        "train_loss": 1.0 + 0.01 * seed,
        "speed": {"training": {"products": 0.01 * seed}, "inference": {"products": 1.0}},
        "machine": MACHINE,
    }
    return Measurement.model_validate(content | changes)


class World:
    """Seeds that differ in luck, on utterances that differ in difficulty."""

    def __init__(self, number: int, n: int = 120) -> None:
        self._random = np.random.default_rng(number)
        self._easy = self._random.normal(1, 1, n)

    def runs(self, n_seeds: int, shift: float = 0.0) -> list[Measurement]:
        """Runs with seeds 0, 1, ...; `shift` moves all of them, in logits."""
        made = []
        for seed in range(n_seeds):
            chance = 1 / (1 + np.exp(-(self._easy + shift + self._random.normal(0, 0.25))))
            right = (self._random.random(len(chance)) < chance).astype(float).tolist()
            loss = 1.0 - 0.2 * shift + float(self._random.normal(0, 0.05))
            made.append(measurement(seed, right, train_loss=loss))
        return made
