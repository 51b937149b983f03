"""The GSLM of a job, and whether it knows the job's units."""

from __future__ import annotations

import torch

from bench.gslm.folder import Gslm, load_gslm, read_card, untrained
from bench.gslm.perplexity import perplexity
from bench.gslm.precision import means_bf16, name_of
from bench.gslm.registry import chosen_gslm
from bench.method import Job, ModelDescription
from bench.prompting.frozen import FrozenLM
from tasks.corpora.units import check_units


def load_gslm_of(job: Job) -> Gslm:
    """The GSLM that a job names.

    Raises:
        UnknownNameError, MissingError: if there is none.
        CheckpointError: if it is damaged.
        DataError: if the corpus holds no units, or some that the GSLM does not know.
    """
    assert job.gslm is not None
    chosen = chosen_gslm(job.gslm)
    gslm = untrained(read_card(chosen.folder)) if chosen.is_random else load_gslm(chosen.folder)
    for split in (job.corpus.train, job.corpus.valid, job.corpus.test):
        check_units(split, gslm.card.n_units)
    return gslm


def products_dtype(job: Job) -> torch.dtype:
    """The type of the matrix products that a job's precision means on its device."""
    bf16 = means_bf16(job.precision, torch.device(job.device))
    return torch.bfloat16 if bf16 else torch.float32


def description(job: Job, gslm: Gslm) -> ModelDescription:
    """A job's GSLM as a record tells of it."""
    card, precision = gslm.card, name_of(products_dtype(job))
    return ModelDescription(card.name, gslm.fingerprint, card.lm.n_parameters, precision)


def warn_of_unknown_units(job: Job, gslm: Gslm, frozen: FrozenLM) -> None:
    """Tells of an LM that predicts the corpus's units no better than frequencies do.

    One that was asked for as a control does not need to be told of.
    """
    assert job.gslm is not None
    if chosen_gslm(job.gslm).is_random:
        return
    limit = gslm.card.lm.max_positions - 1
    sequences = [gslm.rows_of(u.units[:limit]) for u in job.corpus.valid if u.units is not None]
    found = perplexity(frozen.next_scores, sequences, gslm.card.n_units, frozen.device)
    if found.looks_untrained:
        job.corpus.notes["lm_looks_untrained"] = 1
        job.progress.line(
            f"warning: the LM looks untrained: its perplexity on validation units is "
            f"{found.lm:.1f}, by frequencies alone it is {found.unigram:.1f}; check that "
            "the GSLM was trained on units of this encoder"
        )
