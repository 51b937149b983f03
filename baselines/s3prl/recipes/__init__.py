"""The table of recipes, by task."""

from __future__ import annotations

from baselines.s3prl.recipes.asr import ASR
from baselines.s3prl.recipes.ic import IC
from baselines.s3prl.recipes.ks import KS
from baselines.s3prl.recipes.lid import LID
from baselines.s3prl.recipes.recipe import HeadName, Recipe
from baselines.s3prl.recipes.sf import SF
from bench.errors import UsageError

RECIPES: dict[str, Recipe] = {"ks": KS, "ic": IC, "lid": LID, "asr": ASR, "sf": SF}

__all__ = ["RECIPES", "HeadName", "Recipe", "recipe_of"]


def recipe_of(task: str, method: str) -> Recipe:
    """The recipe of a task.

    Args:
        task: its name.
        method: who asks, for the message.

    Raises:
        UsageError: if there is none.
    """
    if task not in RECIPES:
        raise UsageError(
            f"method {method!r} has no recipe for task {task!r}",
            hint=f"it solves {', '.join(RECIPES)}",
        )
    return RECIPES[task]
