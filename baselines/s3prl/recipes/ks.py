"""Keyword spotting: audio 3 dB down, batches of 32 (s3prl `superb_ks`)."""

from __future__ import annotations

from baselines.s3prl.recipes.recipe import SMALL, Recipe, Training

KS = Recipe(
    gain_db=-3.0,
    heads={
        "superb": Training(search=(1e-2, 1e-3, 1e-4), max_epochs=200),
        "recurrent": SMALL,
    },
)
