"""The harness's own prompt tuning, on the lines and prompts that the reference takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.gslm.card import BOS, EOS, LmShape
from bench.progress import Progress
from bench.prompting.decoding import Search, decode
from bench.prompting.examples import Example, TrainingExamples
from bench.prompting.frozen import FrozenLM
from bench.prompting.objective import Answers, Objective
from bench.prompting.prompts import Prompts
from bench.prompting.tuning import Schedule, Tuning
from tests.perf.reference import MAX_TOKENS, MAX_UTTERANCES, PROMPT_DROPOUT, Line, PromptTensors


def prompts_from(shape: LmShape, tensors: PromptTensors) -> Prompts:
    """The same prompts as a module of ours."""
    mode = "input" if tensors.key is None else "deep"
    prompts = Prompts(shape, len(tensors.inputs), "input" if mode == "input" else "deep")
    prompts.to(tensors.separator.dtype)
    with torch.no_grad():
        prompts.separator.copy_(tensors.separator)
        if tensors.key is not None and tensors.value is not None:
            prompts.key.copy_(tensors.key)
            prompts.value.copy_(tensors.value)
        else:
            prompts.prompt.copy_(tensors.inputs)
    return prompts


def answers_from(allowed: Sequence[Sequence[int]]) -> Answers:
    """Slots whose labels stand on the given rows."""
    ends = np.cumsum([len(rows) for rows in allowed])
    groups = tuple(
        range(int(end) - len(rows), int(end)) for rows, end in zip(allowed, ends, strict=True)
    )
    return Answers(np.concatenate([np.array(rows) for rows in allowed]), groups, is_sequence=False)


def example_from(line: Line) -> Example:
    """The training sequence of a line, with the paper's loss."""
    tokens = np.array(line.tokens[:-1], np.int64)
    return Example(tokens, np.array([BOS, *line.labels, EOS], np.int64))


def objective(
    frozen: FrozenLM, tensors: PromptTensors, allowed: Sequence[Sequence[int]]
) -> Objective:
    """The paper's loss with the given prompts."""
    return Objective(frozen, prompts_from(frozen.shape, tensors), answers_from(allowed), "full")


def tuning(
    goal: Objective, examples: list[Example], folder: Path, dropout: float = PROMPT_DROPOUT
) -> Tuning:
    """The tuning loop with the paper's settings; only its `update` is called here."""
    schedule = Schedule(
        lr=5e-3,
        schedule="constant",
        warmup_steps=0,
        max_epochs=1,
        max_minutes=None,
        patience=1,
        batch_tokens=MAX_TOKENS,
        batch_utterances=MAX_UTTERANCES,
        prompt_dropout=dropout,
        unit_dropout=0.0,
        window=1.0,
        mix=1,
    )
    return Tuning(
        goal,
        TrainingExamples(examples),
        lambda: 0.0,
        higher_is_better=True,
        schedule=schedule,
        seed=0,
        folder=folder,
        identity={},
        progress=Progress(quiet=True),
    )


def classify(
    goal: Objective, units: Sequence[Sequence[int]], search: Search | None = None
) -> tuple[list[list[int]], list[float]]:
    """Label rows of each utterance and the log-probability of its answer."""
    sequences = [np.array([EOS, *u, BOS], np.int64) for u in units]
    found = decode(goal, sequences, search or Search())
    rows = goal.answers.rows
    return [rows[list(a.labels)].tolist() for a in found], [a.score for a in found]


def by_line(outputs: Tensor, order: Sequence[int], n_outputs: Sequence[int]) -> list[Tensor]:
    """Packed outputs as one tensor a line, in the order of the input."""
    parts = torch.split(outputs, [n_outputs[i] for i in order])
    placed = dict(zip(order, parts, strict=True))
    return [placed[i] for i in range(len(n_outputs))]
