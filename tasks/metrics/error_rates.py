"""Word and character error rate of a text, by jiwer.

Errors over all utterances, divided by the words (characters, spaces included) of all references.
Over references without a word the rate is the number of errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jiwer
import numpy as np

from tasks.metrics.metric import Answers, Floats, Metric, ratio
from tasks.spec import TaskSpec

Alignment = jiwer.WordOutput | jiwer.CharacterOutput


def word_statistics(references: Answers, hypotheses: Answers, task: TaskSpec) -> Floats:
    """(n, 2): word errors, reference words."""
    return _statistics(jiwer.process_words, references, hypotheses, task)


def character_statistics(references: Answers, hypotheses: Answers, task: TaskSpec) -> Floats:
    """(n, 2): character errors, reference characters."""
    return _statistics(jiwer.process_characters, references, hypotheses, task)


def _statistics(
    process: Callable[[list[str], list[str]], Alignment],
    references: Answers,
    hypotheses: Answers,
    task: TaskSpec,
) -> Floats:
    output = process(
        [task.text_of(symbols) for symbols in references],
        [task.text_of(symbols) for symbols in hypotheses],
    )
    rows = [
        (_errors(chunks), len(reference))
        for chunks, reference in zip(output.alignments, output.references, strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def _errors(chunks: Sequence[jiwer.AlignmentChunk]) -> int:
    return sum(
        max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
        for chunk in chunks
        if chunk.type != "equal"
    )


WER = Metric(
    name="wer",
    unit="fraction",
    higher_is_better=False,
    statistics=word_statistics,
    value=ratio,
)

CER = Metric(
    name="cer",
    unit="fraction",
    higher_is_better=False,
    statistics=character_statistics,
    value=ratio,
)
