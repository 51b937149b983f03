"""A method's job on a corpus, without a run around it."""

from __future__ import annotations

from pathlib import Path

from bench.method import Job
from bench.progress import Progress
from tasks.corpora.corpus import Corpus
from tasks.labels import Labels


def job_on(
    corpus: Corpus,
    folder: Path,
    *,
    precision: str = "fp32",
    gslm: str | None = None,
    upstream: str | None = None,
    checkpoint: Path | None = None,
) -> Job:
    """A job of seed 0 on the CPU.

    Args:
        corpus: knows its task.
        folder: the run folder.
        precision: as in `Job`.
        gslm: name or folder.
        upstream: by name.
        checkpoint: its local weights.
    """
    return Job(
        task=corpus.task,
        corpus=corpus,
        labels=Labels.from_training(corpus.task, corpus.train),
        seed=0,
        folder=folder,
        resume=False,
        progress=Progress(quiet=True),
        device="cpu",
        precision=precision,
        gslm=gslm,
        upstream=upstream,
        upstream_ckpt=checkpoint,
    )
