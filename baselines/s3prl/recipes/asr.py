"""Speech recognition: characters, CTC, SpecAugment on features (s3prl `superb_asr`)."""

from __future__ import annotations

from baselines.s3prl.recipes.recipe import SMALL, Recipe, Training

ASR = Recipe(heads={"superb": Training(search=(1e-4,), max_epochs=200), "small": SMALL})
