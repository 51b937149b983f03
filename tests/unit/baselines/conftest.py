from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from bench.method import Job
from tasks.corpora.corpus import Corpus
from tasks.corpora.utterance import Utterance
from tasks.registry import TASKS
from tests.jobs import job_on


class MakeJob(Protocol):
    """Makes a job on utterances with these answers; all three splits are the same."""

    def __call__(
        self,
        task: str,
        answers: Sequence[tuple[str, ...]],
        units: Sequence[Sequence[int]] | None = None,
        *,
        audio: bool = False,
    ) -> Job: ...


@pytest.fixture
def make_job(tmp_path: Path) -> MakeJob:
    def make(
        task: str,
        answers: Sequence[tuple[str, ...]],
        units: Sequence[Sequence[int]] | None = None,
        *,
        audio: bool = False,
    ) -> Job:
        spec = TASKS.get(task)
        utterances = [
            Utterance(
                id=f"u{i}",
                symbols=symbols,
                units=None if audio else np.array(units[i] if units else [i, i + 1], np.int32),
                where=f"train.txt:{i + 1}",
            )
            for i, symbols in enumerate(answers)
        ]
        corpus = Corpus.of("tiny", spec, train=utterances, valid=utterances, test=utterances)
        return job_on(corpus, tmp_path, precision="auto")

    return make
