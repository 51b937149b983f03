"""Slot filling: as ASR, each slot tag one symbol (s3prl `superb_sf`)."""

from __future__ import annotations

from baselines.s3prl.recipes.recipe import SMALL, Recipe, Training

SF = Recipe(heads={"superb": Training(search=(1e-4,), max_epochs=200), "small": SMALL})
