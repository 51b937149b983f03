"""Options of methods that read a learned sum of a frozen model's layers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class LayerOptions(BaseModel):
    """Which layers are read, and how the head on them is trained.

    Attributes:
        lr: learning rate of Adam; None: `search`.
        search: `lr=A,B,...`: each is tried, validation chooses; None: the method's own, unless
            `lr` is given.
        layers: layers of the model, e.g. `6` or `0,4-8`; None: all, in a learned sum.
        normalize_layers: layer norm on every frame of every layer before the sum.
        max_epochs: passes over the training set at most in a trial; None: the method's own.
        max_minutes: time limit of all trials together.
        patience: validations without a better score before a trial stops.
        batch_utterances: utterances a step; None: the method's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lr: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    search: str | None = None
    layers: str | None = None
    normalize_layers: bool = False
    max_epochs: int | None = Field(default=None, ge=1)
    max_minutes: float | None = Field(default=None, gt=0)
    patience: int = Field(default=10, ge=1)
    batch_utterances: int | None = Field(default=None, ge=1)
