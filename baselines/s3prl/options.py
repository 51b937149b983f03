"""The options of method `s3prl`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from baselines.layer_options import LayerOptions
from baselines.s3prl.ctc_model import HeadName


class S3prlOptions(LayerOptions):
    """What decides the training of a downstream model on a frozen upstream; see `LayerOptions`.

    Attributes:
        head: ASR and SF: `superb` (2 BLSTM x 1024) or `small` (2 BLSTM x 256); None: superb on a
            GPU, small on a CPU. The classifiers have SUPERB's head only.
        spec_augment: ASR and SF: mask features in training.
        feature_cache: ASR and SF: disk space for features (`20GB`), or `off`.
        ctc_beam: ASR and SF: hypotheses kept at the test; 1: the best path.
        kenlm: ASR and SF: a word language model for the beam (ARPA or KenLM binary).
        lm_weight: of the language model.
        word_score: added for every word of a hypothesis with a language model.
    """

    head: HeadName | None = None
    spec_augment: bool = True
    feature_cache: str = "20GB"
    ctc_beam: int = Field(default=1, ge=1)
    kenlm: Path | None = None
    lm_weight: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    word_score: float = Field(default=-1.0, allow_inf_nan=False)
