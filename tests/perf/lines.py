"""Real unit lines, as embedding rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.gslm.card import N_SPECIALS
from tests.perf.reference import Line

ALLOWED: dict[str, list[list[int]]] = {
    "ks": [list(range(N_SPECIALS, N_SPECIALS + 12))],
    "ic": [
        list(range(N_SPECIALS, N_SPECIALS + 6)),
        list(range(N_SPECIALS + 6, N_SPECIALS + 20)),
        list(range(N_SPECIALS + 20, N_SPECIALS + 24)),
    ],
}
"""Rows each label of an answer may take: label i stands on unit i."""


def shared_data() -> Path:
    """Where the shared data lie: `BENCH_SHARED_DATA`, or beside the repository."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.get("BENCH_SHARED_DATA", beside))


def real_lines(corpus: str, split: str, n: int, seed: int = 0) -> list[Line]:
    """A random sample of a corpus's lines.

    Args:
        corpus: "ks" or "ic".
        split: "train", "valid" or "test".
        n: how many.
        seed: of the sample.
    """
    path = shared_data() / "units-hubert100" / corpus / f"{split}.txt"
    text = path.read_text(encoding="utf-8").splitlines()
    chosen = np.random.default_rng(seed).choice(len(text), n, replace=False)
    return [_line(text[i], ALLOWED[corpus]) for i in sorted(chosen)]


def _line(text: str, allowed: Sequence[Sequence[int]]) -> Line:
    _, units, labels = text.split("|")
    rows = tuple(N_SPECIALS + int(u) for u in units.split())
    answer = tuple(N_SPECIALS + int(label) for label in labels.split())
    assert all(row in slot for row, slot in zip(answer, allowed, strict=True)), text
    return Line(rows, answer)


def synthetic_lines(n: int, n_units: int, n_labels: int = 1, seed: int = 0) -> list[Line]:
    """Random lines, all of one length."""
    drawn = np.random.default_rng(seed).integers(N_SPECIALS, N_SPECIALS + 100, (n, n_units))
    labels = tuple(range(N_SPECIALS, N_SPECIALS + n_labels))
    return [Line(tuple(int(u) for u in row), labels) for row in drawn]
