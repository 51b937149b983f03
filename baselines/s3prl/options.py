"""The options of the methods on s3prl's upstreams."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import Field

from baselines.layer_options import LayerOptions
from baselines.option_text import rates, search_text
from baselines.s3prl.recipes import HeadName, Recipe
from bench.errors import UsageError
from bench.method import Job


class DownstreamOptions(LayerOptions):
    """What decides the training of a downstream model; see `LayerOptions`.

    Attributes:
        head: `superb`: SUPERB's own (ASR and SF: 2 BLSTM x 1024; KS, IC and LID: the mean over
            time); `small`: ASR and SF: 2 BLSTM x 256; `recurrent`: KS, IC and LID: the same
            before the mean; None: superb, but for ASR and SF on a CPU small.
        spec_augment: with recurrent layers: mask features in training.
        ctc_beam: ASR and SF: hypotheses kept at the test; 1: the best path.
        kenlm: ASR and SF: a word language model for the beam (ARPA or KenLM binary).
        lm_weight: of the language model.
        word_score: added for every word of a hypothesis with a language model.
    """

    head: HeadName | None = None
    spec_augment: bool = True
    ctc_beam: int = Field(default=1, ge=1)
    kenlm: Path | None = None
    lm_weight: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    word_score: float = Field(default=-1.0, allow_inf_nan=False)


class S3prlOptions(DownstreamOptions):
    """Those of `s3prl`, whose upstream is frozen; see `DownstreamOptions`.

    Attributes:
        feature_cache: with recurrent layers: disk space for features (`20GB`), or `off`.
    """

    feature_cache: str = "20GB"


class FinetuneOptions(DownstreamOptions):
    """Those of `s3prl-finetune`, whose upstream is trained too; see `DownstreamOptions`.

    `lr` and `search` are those of the head and of the layer weights.

    Attributes:
        upstream_lr: learning rate of the upstream, in every trial.
    """

    upstream_lr: float = Field(default=1e-4, gt=0, allow_inf_nan=False)


Options = TypeVar("Options", bound=DownstreamOptions)


def settled(job: Job, recipe: Recipe, options: Options) -> tuple[tuple[float, ...], Options]:
    """The learning rates to try, and the options with what was left open filled in.

    Raises:
        UsageError: if the options do not go together or do not fit the task.
    """
    head: HeadName = options.head or "superb"
    if job.task.is_sequence and options.head is None and job.device == "cpu":
        head = "small"
    if head not in recipe.heads:
        raise UsageError(
            f"--head {head} is not for {job.task.name}", hint=f"it has {', '.join(recipe.heads)}"
        )
    if not job.task.is_sequence and (options.ctc_beam > 1 or options.kenlm is not None):
        raise UsageError(f"--ctc-beam and --kenlm are for asr and sf, not {job.task.name}")
    if options.kenlm is not None and options.ctc_beam == 1:
        raise UsageError("--kenlm needs a beam", hint="e.g. --ctc-beam 50")
    training = recipe.heads[head]
    tried = rates(options.lr, options.search, training.search)
    batch_utterances = options.batch_utterances or training.batch_utterances
    passes = training.passes(len(job.corpus.train), batch_utterances)
    update: dict[str, object] = {
        "head": head,
        "max_epochs": options.max_epochs or passes,
        "batch_utterances": batch_utterances,
    }
    if options.lr is None:
        update["search"] = search_text(tried)
    return tried, options.model_copy(update=update)
