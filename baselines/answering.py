"""Answers of a trained module to a split, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch

from baselines.fitting import Indices
from baselines.inputs import Inputs
from bench.gslm.packing import length_bucketed
from bench.method import Job, Prediction


@torch.no_grad()
def answer_in_batches(
    job: Job,
    inputs: Inputs,
    answers: Callable[[Indices], Iterable[tuple[Sequence[int], float]]],
    max_utterances: int,
) -> list[Prediction]:
    """The answers in the order of the split.

    Args:
        job: the run's.
        inputs: the split.
        answers: label ids and score of each utterance of a batch.
        max_utterances: of a batch.
    """
    found: dict[int, Prediction] = {}
    batches = length_bucketed(inputs.sizes, inputs.limit, None, max_utterances=max_utterances)
    with job.progress.bar(len(inputs.sizes), "answering", "utterances") as bar:
        for batch in batches:
            for index, (ids, score) in zip(batch.tolist(), answers(batch), strict=True):
                found[index] = Prediction(job.labels.symbols(ids), score)
            bar.advance(len(batch))
    return [found[index] for index in range(len(inputs.sizes))]
