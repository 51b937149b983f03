"""Faults planted into a running program, each as it could really happen."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import torch

from bench import runner
from bench.prompting.examples import Example
from bench.prompting.method import PromptMethod
from bench.prompting.tuning import Tuning
from bench.records import Score
from tasks.corpora.corpus import Corpus
from tasks.corpora.split import Split
from tasks.labels import Labels


@contextlib.contextmanager
def prompts_not_trained() -> Iterator[None]:
    """The optimiser is never asked to step."""
    with mock.patch.object(torch.optim.Adam, "step", return_value=None):
        yield


@contextlib.contextmanager
def two_labels_swapped() -> Iterator[None]:
    """Whenever the first label of a group is meant, the second is said, and the other way round."""
    whole = Labels.symbols

    def swapped(labels: Labels, ids: Sequence[int]) -> tuple[str, ...]:
        said = list(whole(labels, ids))
        for i, symbol in enumerate(said):
            first, second = labels.groups[0][0], labels.groups[0][1]
            said[i] = {first: second, second: first}.get(symbol, symbol)
        return tuple(said)

    with mock.patch.object(Labels, "symbols", swapped):
        yield


@contextlib.contextmanager
def frozen_weights_drifting() -> Iterator[None]:
    """Every step of the prompts moves a weight of the frozen LM by a thousandth."""
    whole = Tuning.update

    def drifting(tuning: Tuning, examples: list[Example], rate: float) -> float:
        with torch.no_grad():
            tuning.objective.frozen.embedding.mul_(1.001)
        return whole(tuning, examples, rate)

    with mock.patch.object(Tuning, "update", drifting):
        yield


@contextlib.contextmanager
def test_items_dropped() -> Iterator[None]:
    """The test set is read without its last two utterances."""
    whole = Corpus.split

    def shorter(corpus: Corpus, name: Any) -> Split:
        split = whole(corpus, name)
        if name != "test":
            return split
        return Split(
            utterances=split.utterances[:-2], skipped=split.skipped, notes=dict(split.notes)
        )

    with mock.patch.object(Corpus, "split", shorter):
        yield


@contextlib.contextmanager
def sign_flipped() -> Iterator[None]:
    """Scores are recorded with the other sign."""
    whole: Callable[..., dict[str, Score]] = vars(runner)["score"]

    def flipped(*arguments: Any, **named: Any) -> dict[str, Score]:
        scores = whole(*arguments, **named)
        return {n: s.model_copy(update={"value": -s.value}) for n, s in scores.items()}

    with mock.patch.object(runner, "score", flipped):
        yield


@contextlib.contextmanager
def slowed(share: float = 0.3) -> Iterator[None]:
    """Every step of the prompts, and every answer, takes longer by this share."""
    step, answer = Tuning.update, PromptMethod.predict

    def longer(whole: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            began = time.process_time()
            result = whole(*arguments, **named)
            until = time.process_time() + share * (time.process_time() - began)
            while time.process_time() < until:
                pass
            return result

        return run

    with (
        mock.patch.object(Tuning, "update", longer(step)),
        mock.patch.object(PromptMethod, "predict", longer(answer)),
    ):
        yield


Fault = Callable[[], AbstractContextManager[None]]

FAULTS: Mapping[str, tuple[Fault, str]] = {
    "prompts not trained": (prompts_not_trained, "quality"),
    "two labels swapped": (two_labels_swapped, "quality"),
    "frozen weights drifting": (frozen_weights_drifting, "facts"),
    "test items dropped": (test_items_dropped, "facts"),
    "a metric's sign flipped": (sign_flipped, "facts"),
    "a 30 % slow-down": (slowed, "speed"),
}
"""Name -> how it is planted, and the kind of finding that must come of it."""
