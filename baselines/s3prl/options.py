"""The options of method `s3prl`."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from baselines.s3prl.ctc_model import HeadName


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
