"""The shown metric of runs, utterance by utterance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.errors import DataError
from bench.resampling import Floats
from bench.utterance_statistics import digest_of
from reports.reading import Run
from reports.replicates import replicates
from reports.run_files import answers, statistics


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """A metric that is a ratio of sums, of one or several runs on the same utterances.

    Attributes:
        utterances: which ones; equal for samples that pair.
        above: (runs, n) numerators; runs of equal seed are one, their mean.
        below: (runs, n) denominators; as above.
        speakers: (n,) who said each, where all are known.
    """

    utterances: str
    above: Floats
    below: Floats
    speakers: tuple[int, ...] | None


def sample_of(runs: Sequence[Run]) -> tuple[Sample | None, str | None]:
    """The sample of runs that differ in the seed, or why there is none.

    Runs of the same seed (see `replicates`) become one: their sums are averaged.
    """
    groups = []
    for group in replicates(runs):
        parts = []
        for run in group:
            try:
                part = _one(run)
            except DataError as error:
                return None, str(error)
            if part is None:
                return None, f"{run.folder} has no statistics of utterances for {run.shown}"
            parts.append(part)
        groups.append(parts)
    first = groups[0][0]
    every = [part for parts in groups for part in parts]
    if any(
        (part.utterances, part.speakers) != (first.utterances, first.speakers) for part in every
    ):
        return None, "its runs answered different utterances"
    return (
        Sample(
            utterances=first.utterances,
            above=np.concatenate([_mean([part.above for part in parts]) for parts in groups]),
            below=np.concatenate([_mean([part.below for part in parts]) for parts in groups]),
            speakers=first.speakers,
        ),
        None,
    )


def _mean(sums: Sequence[Floats]) -> Floats:
    mean: Floats = np.mean(sums, axis=0, dtype=np.float64)
    return mean


def _one(run: Run) -> Sample | None:
    stored = statistics(run.folder)
    if stored is not None and run.shown in stored.metrics:
        metric = stored.metrics[run.shown]
        speakers = tuple(stored.speakers) if stored.speakers is not None else None
        above = np.array([metric.numerator])
        below = np.broadcast_to(np.array(metric.denominator, dtype=np.float64), above.shape)
        found = Sample(utterances=stored.utterances, above=above, below=below, speakers=speakers)
    elif run.shown == "accuracy" and stored is None and (given := answers(run.folder)):
        # Runs made before there was statistics.json.
        right = [[float(answer.reference == answer.hypothesis) for answer in given]]
        found = Sample(
            utterances=digest_of((answer.id, answer.reference) for answer in given),
            above=np.array(right),
            below=np.ones((1, len(given))),
            speakers=None,
        )
    else:
        return None
    value = float(found.above.sum() / max(1.0, found.below.sum()))
    if not math.isclose(value, run.score.value, abs_tol=1e-9):
        raise DataError(
            f"the utterances give {run.shown} {value:.6g}, the record {run.score.value:.6g}: "
            "one of the files is not of this run",
            where=str(run.folder),
        )
    return found
