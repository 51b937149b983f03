"""The options of method `s3prl`, and reading those that are written as text."""

from __future__ import annotations

import math
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from baselines.s3prl.ctc_model import HeadName
from bench.errors import UsageError


class S3prlOptions(BaseModel):
    """What decides the training of a downstream model on a frozen upstream.

    Attributes:
        lr: learning rate of Adam; None: `search`.
        search: `lr=A,B,...`: each is tried, validation chooses; None: the recipe's, unless `lr`
            is given.
        layers: layers of the upstream, e.g. `6` or `0,4-8`; None: all, in a learned sum.
        normalize_layers: layer norm on every frame of every layer before the sum.
        max_epochs: passes over the training set at most in a trial; None: the recipe's.
        max_minutes: time limit of all trials together.
        patience: validations without a better score before a trial stops.
        batch_utterances: utterances a step.
        head: ASR and SF: `superb` (2 BLSTM x 1024) or `small` (2 BLSTM x 256); None: superb on a
            GPU, small on a CPU. The classifiers have SUPERB's head only.
        spec_augment: ASR and SF: mask features in training.
        feature_cache: ASR and SF: disk space for features (`20GB`), or `off`.
        ctc_beam: ASR and SF: hypotheses kept at the test; 1: the best path.
        kenlm: ASR and SF: a word language model for the beam (ARPA or KenLM binary).
        lm_weight: of the language model.
        word_score: added for every word of a hypothesis with a language model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lr: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    search: str | None = None
    layers: str | None = None
    normalize_layers: bool = False
    max_epochs: int | None = Field(default=None, ge=1)
    max_minutes: float | None = Field(default=None, gt=0)
    patience: int = Field(default=10, ge=1)
    batch_utterances: int = Field(default=32, ge=1)
    head: HeadName | None = None
    spec_augment: bool = True
    feature_cache: str = "20GB"
    ctc_beam: int = Field(default=1, ge=1)
    kenlm: Path | None = None
    lm_weight: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    word_score: float = Field(default=-1.0, allow_inf_nan=False)


def rates(lr: float | None, search: str | None, default: tuple[float, ...]) -> tuple[float, ...]:
    """The learning rates to try.

    Raises:
        UsageError: if both are given, or `search` is not `lr=A,B,...`.
    """
    if lr is not None and search is not None:
        raise UsageError("--lr and --search exclude each other", hint="--search lr=1e-2,1e-3")
    if lr is not None:
        return (lr,)
    if search is None:
        return default
    name, equals, values = search.partition("=")
    try:
        found = tuple(float(value) for value in values.split(","))
    except ValueError:
        found = ()
    good = all(math.isfinite(rate) and rate > 0 for rate in found)
    if name.strip() != "lr" or not equals or not found or not good:
        raise UsageError(
            f"--search {search!r} is no list of learning rates", hint="e.g. --search lr=1e-2,1e-3"
        )
    if len(set(found)) < len(found):
        raise UsageError(f"--search {search!r} names a learning rate twice")
    return found


def layer_list(text: str | None) -> tuple[int, ...] | None:
    """The layers that `--layers` names: `6`, `0,3`, `4-8`.

    Raises:
        UsageError: if the text is none of these.
    """
    if text is None:
        return None
    layers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)):
            raise UsageError(
                f"--layers {text!r} is no list of layers", hint="e.g. --layers 6, --layers 0,4-8"
            )
        layers.update(range(int(first), int(last or first) + 1))
    if not layers:
        raise UsageError(f"--layers {text!r} names no layer", hint="e.g. --layers 4-8")
    return tuple(sorted(layers))
