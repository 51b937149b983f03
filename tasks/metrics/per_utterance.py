"""What a run leaves behind of its metrics for every utterance."""

from __future__ import annotations

from collections.abc import Sequence

from bench.utterance_statistics import Ratio, UtteranceStatistics, digest_of
from tasks.metrics.metric import Answers, ratio
from tasks.metrics.registry import METRICS
from tasks.spec import TaskSpec


def utterance_statistics(
    task: TaskSpec,
    ids: Sequence[str],
    references: Answers,
    hypotheses: Answers,
    speakers: Sequence[str | None],
) -> UtteranceStatistics:
    """Statistics of the task's metrics that are ratios of sums (macro F1 is none).

    Args:
        task: names the metrics.
        ids: (n,) of utterances.
        references: (n,) right answers.
        hypotheses: (n,) given answers.
        speakers: (n,) who said each, where known.

    Raises:
        UnknownNameError: if the task names a metric that there is not.
    """
    metrics = {}
    for name in task.metrics:
        metric = METRICS.get(name)
        if metric.value is not ratio:
            continue
        above, below = metric.statistics(references, hypotheses, task).T.tolist()
        metrics[name] = Ratio(
            higher_is_better=metric.higher_is_better,
            numerator=above,
            denominator=below[0] if len(set(below)) == 1 else below,
        )
    numbers = {name: i for i, name in enumerate(dict.fromkeys(speakers))}
    texts = [task.text_of(reference) for reference in references]
    return UtteranceStatistics(
        utterances=digest_of(zip(ids, texts, strict=True)),
        n=len(ids),
        speakers=None if None in numbers else [numbers[speaker] for speaker in speakers],
        metrics=metrics,
    )
