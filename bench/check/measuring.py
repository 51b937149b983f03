"""Runs one cell with one seed and notes everything it is compared by."""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from bench import environment
from bench.check.frozen import fingerprint
from bench.check.kernels import Clock, Kernels, clock
from bench.check.measurement import Direction, Kept, Machine, Measurement, Speed, Work
from bench.check.step_clock import StepClock, Timed
from bench.check.suite import Cell
from bench.errors import RunFailedError
from bench.gslm.precision import means_bf16
from bench.method import Method
from bench.methods import METHODS
from bench.runner import Outcome, run
from bench.utterance_statistics import load_statistics
from tasks.corpora.utterance import Utterance
from tasks.registry import TASKS

INFERENCE_S = 0.4
"""Answers are timed until they have taken this long together."""
INFERENCE_TIMES = 5
SEQUENCES_TIMED = 12
"""Texts take long to decode; this many are timed."""
_SETTINGS = {"task", "method", "subset", "shots", "device", "precision", "threads"}
TRIMMED = 0.1
"""Share of steps that is left out at either end of their times."""


class _Watch:
    """Sees a run's method before training and after its answers."""

    def __init__(self, kernels: Kernels, clock: Clock, n_timed: int | None) -> None:
        self.before: str | None = None
        self.after: str | None = None
        self.answers: list[Timed] = []
        self._kernels, self._clock, self._n_timed = kernels, clock, n_timed

    def loaded(self, method: Method) -> None:
        self.before = fingerprint(method)

    def answered(self, method: Method, test: Sequence[Utterance]) -> None:
        self.after = fingerprint(method)
        test = test[: self._n_timed]
        method.predict(test)  # once for what is done at the first time
        since = time.perf_counter()
        while len(self.answers) < INFERENCE_TIMES and (
            len(self.answers) < 2 or time.perf_counter() - since < INFERENCE_S
        ):
            kernels_s = self._kernels.time_s()
            began = self._clock()
            method.predict(test)
            self.answers.append(Timed(self._clock() - began, kernels_s))


def measure(cell: Cell, seed: int, out: Path) -> Kept:
    """One run, from the beginning.

    Args:
        cell: what to run.
        seed: of the run.
        out: where its run folder goes.

    Raises:
        BenchError: what `bench.runner.run` raises, with the cell's name before it.
        RunFailedError: if the run left out what it is to be compared by.
    """
    with _threads(cell.request.threads):
        return _measured(cell, seed, out)


@contextmanager
def _threads(n: int | None) -> Iterator[None]:
    """As many threads as a cell asks for; the next one does not inherit them."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(n or before)
        yield
    finally:
        torch.set_num_threads(before)


def _measured(cell: Cell, seed: int, out: Path) -> Kept:
    since = time.perf_counter()
    request = cell.seeded(seed, out)
    ticking = clock(torch.get_num_threads())
    bf16 = means_bf16(request.precision, torch.device(request.device))
    kernels = Kernels(ticking, bf16=bf16)
    n_timed = SEQUENCES_TIMED if TASKS.get(request.task).is_sequence else None
    steps, watch = StepClock(kernels, ticking), _Watch(kernels, ticking, n_timed)
    outcome = run(request, steps, watch)
    speed: dict[Work, Speed] = {
        "training": relative(steps.steps),
        "inference": relative(watch.answers),
    }
    measured = _measurement(cell, seed, outcome, watch, {w: s for w, s in speed.items() if s})
    return Kept(folder=str(outcome.folder), seconds=time.perf_counter() - since, measured=measured)


def relative(timed: Iterable[Timed]) -> Speed:
    """The time of pieces of work relative to the reference work before them.

    Returns:
        For each piece of reference work the logarithm of the trimmed mean; nothing if nothing was
        timed.
    """
    found = list(timed)
    if not found:
        return {}
    cut = int(TRIMMED * len(found))
    means = {}
    for name in found[0].kernels_s:
        ratios = sorted(one.work_s / max(one.kernels_s[name], 1e-9) for one in found)
        means[name] = float(np.mean(ratios[cut : len(ratios) - cut]))
    return {name: math.log(mean) for name, mean in means.items() if mean > 0}


def _measurement(
    cell: Cell, seed: int, outcome: Outcome, watch: _Watch, speed: dict[Work, Speed]
) -> Measurement:
    record, folder = outcome.record, outcome.folder
    statistics = load_statistics(folder / "statistics.json")
    if statistics is None or record.model is None or record.n_trainable is None:
        raise RunFailedError("the run left no statistics of its utterances", where=str(folder))
    # Content is compared by fingerprints; where it lies decides nothing.
    request = cell.request.model_dump(mode="json", include=_SETTINGS, exclude_none=True)
    return Measurement(
        seed=seed,
        options={**request, "options": record.method.options},
        n=record.corpus.n,
        utterances=statistics.utterances,
        corpus=record.corpus.fingerprint,
        works_on_units=METHODS.get(cell.request.method).units,
        model=record.model.name,
        model_fingerprint=record.model.fingerprint,
        model_n_total=record.model.n_total,
        frozen_before=watch.before,
        frozen_after=watch.after,
        n_trainable=record.n_trainable,
        n_trainable_paper=record.n_trainable_paper,
        primary=record.primary,
        scores={
            name: Direction(
                value=score.value, unit=score.unit, higher_is_better=score.higher_is_better
            )
            for name, score in record.scores.items()
        },
        ratios=dict(statistics.metrics),
        speakers=statistics.speakers,
        train_loss=_last_loss(folder / "train.jsonl"),
        speed=speed,
        machine=machine(),
    )


def machine() -> Machine:
    """The machine and the software that computes."""
    versions = environment.versions()
    deciding = ("espnet-s3prl", "numpy", "scikit-learn", "torch")
    return Machine(
        cpu=environment.cpu_name(),
        platform=f"{platform.system()} {platform.machine()}",
        python=".".join(platform.python_version_tuple()[:2]),
        packages={name: v for name, v in versions.packages.items() if name in deciding},
        threads=environment.threads(),
    )


def _last_loss(file: Path) -> float | None:
    try:
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return None
    loss = rows[-1].get("train_loss") if rows else None
    return float(loss) if isinstance(loss, int | float) and math.isfinite(loss) else None
