"""What a control that is fitted in one go writes where other methods write their epochs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from bench.files import write_atomic
from bench.method import Job, Prediction
from bench.records import TrainRecord
from tasks.corpora.utterance import Utterance


def write_training_log(
    job: Job,
    predict: Callable[[Sequence[Utterance]], list[Prediction]],
    settings: Mapping[str, float | int],
) -> TrainRecord:
    """Writes the one line of `train.jsonl` and makes the training record.

    Args:
        job: the method's.
        predict: the fitted method's; answers the validation set.
        settings: what the method was fitted with.

    Returns:
        One epoch, one step; `search` holds the settings and `valid_exact`, the share of validation
        utterances whose whole answer is right.

    Raises:
        StorageError: if the line cannot be written.
    """
    valid = job.corpus.valid
    answers = predict(valid)
    right = sum(a.symbols == u.symbols for a, u in zip(answers, valid, strict=True))
    trial = {**settings, "valid_exact": right / len(valid)}
    write_atomic(job.folder / "train.jsonl", json.dumps({"epoch": 1, **trial}) + "\n")
    job.progress.line(f"fitted: {100 * trial['valid_exact']:.2f} % of validation answers right")
    return TrainRecord(epochs=1, steps=1, best_epoch=1, search=[trial])
