"""Copies of the training audio, said as by another speaker elsewhere, for methods on units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.errors import UsageError
from bench.gslm.registry import EMBEDDED, chosen_gslm
from bench.gslm.speech import extractor_of
from bench.method import Job

AUGMENT = 4
"""Perturbed copies of each training utterance, where an option leaves their number open."""


def settled_copies(job: Job, asked: int | None, default: int = AUGMENT) -> int:
    """How many perturbed copies of the training audio a method learns from.

    Args:
        job: the run's.
        asked: by `--augment`; None: `default`, or none where the corpus holds units.
        default: for this task.

    Raises:
        UsageError: if there shall be copies, and there is no audio.
    """
    if all(u.audio is not None for u in job.corpus.train):
        return default if asked is None else asked
    if asked:
        raise UsageError(
            "--augment perturbs audio, and this corpus holds units",
            where=job.corpus.name,
            hint="leave it out, or give a folder of manifests",
        )
    return 0


def perturbed_units(job: Job, copies: int) -> list[list[NDArray[np.int32]]]:
    """Units of perturbed copies of the training audio, by the encoder of the job's GSLM.

    Args:
        job: the run's.
        copies: of each utterance; see `bench.speech.perturbation`.

    Returns:
        For each copy the units of every training utterance, in order.
    """
    if copies == 0:
        return []
    corpus = job.corpus
    extractor = extractor_of(chosen_gslm(job.gslm or EMBEDDED).folder)
    found = []
    for copy in range(copies):
        what = f"{corpus.name}, train, copy {copy + 1} of {copies}"
        made = extractor.extract(corpus.train, job.progress, what, copy)
        found.append([units.units for units in made])
    return found
