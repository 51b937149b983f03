"""A tiny suite to check: synthetic units, a tiny GSLM, one cell."""

from __future__ import annotations

from pathlib import Path

import torch

from bench.gslm.card import N_SPECIALS, GslmCard, LmShape
from bench.gslm.folder import save_gslm
from bench.gslm.lm import UnitLM
from tests.conftest import make_units_folder

SUITE = """\
seeds: {seeds}
baseline-seeds: {baseline_seeds}
speed: {speed}
gslm: gslm
every: {{corpus: ks, precision: fp32, threads: 1}}
cells:
  - {{task: ks, method: prompt, prompt-length: 4, max-epochs: {epochs}, lr: 0.1}}
"""


def make_gate(
    folder: Path,
    *,
    speed: bool,
    seeds: int = 2,
    baseline_seeds: int = 4,
    n_train: int = 480,
    epochs: int = 6,
) -> Path:
    """Writes `gate.yaml`, the corpus and the GSLM that it names; returns the suite's file."""
    make_units_folder(
        folder / "ks", "ks", {"train": n_train, "valid": 40, "test": 120}, n_labels=4, seed=0
    )
    shape = LmShape(
        layers=2, dim=64, ffn_dim=256, heads=2, max_positions=256, n_rows=100 + N_SPECIALS
    )
    lm = UnitLM(shape).reset(torch.Generator().manual_seed(0))
    card = GslmCard(
        name="gslm", n_units=100, rows=list(range(N_SPECIALS, N_SPECIALS + 100)), lm=shape
    )
    save_gslm(folder / "gslm", card, lm)
    file = folder / "gate.yaml"
    file.write_text(
        SUITE.format(
            seeds=seeds, baseline_seeds=baseline_seeds, speed=str(speed).lower(), epochs=epochs
        )
    )
    return file
