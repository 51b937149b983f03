"""The table of recipes, by task."""

from __future__ import annotations

from baselines.s3prl.recipes.asr import ASR
from baselines.s3prl.recipes.ic import IC
from baselines.s3prl.recipes.ks import KS
from baselines.s3prl.recipes.lid import LID
from baselines.s3prl.recipes.recipe import Recipe
from baselines.s3prl.recipes.sf import SF

RECIPES: dict[str, Recipe] = {"ks": KS, "ic": IC, "lid": LID, "asr": ASR, "sf": SF}

__all__ = ["RECIPES", "Recipe"]
