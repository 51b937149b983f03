"""A method's job on a corpus of audio."""

from __future__ import annotations

from pathlib import Path

from bench.method import Job
from tasks.corpora.opening import open_corpus
from tasks.registry import TASKS
from tests.jobs import job_on


def audio_job(
    corpus: Path, task: str, folder: Path, *, upstream: str, checkpoint: Path | None = None
) -> Job:
    """A job in float32 on the CPU.

    Args:
        corpus: a manifest folder.
        task: what it is for.
        folder: the run folder; it is made.
        upstream: by name.
        checkpoint: its local weights.
    """
    folder.mkdir(parents=True)
    opened = open_corpus(str(corpus), TASKS.get(task))
    return job_on(opened, folder, upstream=upstream, checkpoint=checkpoint)
