"""A method's job on a corpus of audio."""

from __future__ import annotations

from pathlib import Path

from bench.method import Job
from bench.progress import Progress
from tasks.corpora.opening import open_corpus
from tasks.labels import Labels
from tasks.registry import TASKS


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
    spec = TASKS.get(task)
    opened = open_corpus(str(corpus), spec)
    return Job(
        task=spec,
        corpus=opened,
        labels=Labels.from_training(spec, opened.train),
        seed=0,
        folder=folder,
        resume=False,
        progress=Progress(quiet=True),
        device="cpu",
        precision="fp32",
        gslm=None,
        upstream=upstream,
        upstream_ckpt=checkpoint,
    )
