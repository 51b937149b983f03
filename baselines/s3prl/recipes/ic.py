"""Intent classification: three cross entropies over slices of one output (s3prl `superb_ic`)."""

from __future__ import annotations

from baselines.s3prl.recipes.recipe import SMALL, Recipe, Training

IC = Recipe(
    heads={
        "superb": Training(search=(1e-2, 1e-3, 1e-4), max_epochs=200),
        "recurrent": SMALL,
    },
)
