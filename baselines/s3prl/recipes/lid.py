"""Language identification, trained like SUPERB's speaker identification (s3prl `superb_sid`)."""

from __future__ import annotations

from baselines.s3prl.recipes.recipe import SMALL, Recipe, Training

LID = Recipe(
    heads={
        "superb": Training(search=(1e-2, 1e-3, 1e-4), max_epochs=200),
        "recurrent": SMALL,
    },
)
