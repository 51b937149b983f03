"""All of a task's metrics for one run, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence

from bench.errors import DataError
from bench.records import Score
from tasks.metrics.bootstrap import interval
from tasks.metrics.metric import Answers
from tasks.metrics.registry import METRICS
from tasks.spec import TaskSpec


def score(
    task: TaskSpec,
    references: Answers,
    hypotheses: Answers,
    speakers: Sequence[str | None] | None,
    seed: int,
) -> dict[str, Score]:
    """Scores answers.

    Args:
        task: names the metrics.
        references: (n,) right answers.
        hypotheses: (n,) given answers.
        speakers: (n,) where known; the interval then is over speakers.
        seed: of the bootstrap.

    Returns:
        Metric name -> score, in the task's order; `n` counts utterances.

    Raises:
        DataError: if there is nothing to score, or not one hypothesis a reference.
        UnknownNameError: if the task names a metric that there is not.
    """
    if not references:
        raise DataError("there is no utterance to score")
    if len(references) != len(hypotheses):
        raise DataError(f"{len(hypotheses)} hypotheses for {len(references)} references")
    scores: dict[str, Score] = {}
    for name in task.metrics:
        metric = METRICS.get(name)
        statistics = metric.statistics(references, hypotheses, task)
        scores[name] = Score(
            value=float(metric.value(statistics.sum(axis=0))),
            unit=metric.unit,
            higher_is_better=metric.higher_is_better,
            ci95=interval(statistics, metric.value, speakers=speakers, seed=seed),
            n=len(references),
        )
    return scores
