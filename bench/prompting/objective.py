"""From hidden states to a loss: which answers compete at each output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from torch import Tensor

from bench.gslm.card import EOS
from bench.gslm.packing import Packed
from bench.prompting.examples import Loss
from bench.prompting.frozen import FrozenLM
from bench.prompting.prompts import Prompts
from tasks.labels import Labels

Logits = Callable[[Tensor], Tensor]
"""(n, dim) hidden states to (n, n_rows) scores of all rows."""
Scores = Callable[[Tensor, int], Tensor]
"""(n, dim) hidden states and a slot to (n, n_choices) scores of what competes there."""


@dataclass(frozen=True)
class Answers:
    """The rows that are possible at each place of an answer.

    Attributes:
        rows: (n_labels,) int64, the verbalizer.
        groups: for each slot the label ids that compete there; one group for sequence tasks.
        is_sequence: whether the answer ends in `</s>` instead of having one label a slot.
    """

    rows: NDArray[np.int64]
    groups: tuple[range, ...]
    is_sequence: bool

    @classmethod
    def of(cls, labels: Labels, rows: NDArray[np.int64], *, is_sequence: bool) -> Answers:
        """The answers of a label inventory under a verbalizer."""
        groups = tuple(labels.group_ids(g) for g in range(len(labels.groups)))
        return cls(rows, groups, is_sequence)

    @property
    def read(self) -> NDArray[np.int64]:
        """The rows that are read while answering: all but the last slot's."""
        if self.is_sequence:
            return self.rows
        return self.rows[: self.groups[-1].start]

    def choices(self, slot: int) -> NDArray[np.int64]:
        """The rows that compete at a slot; for sequence tasks `</s>` comes last."""
        if self.is_sequence:
            return np.concatenate([self.rows, [EOS]])
        group = self.groups[slot]
        return self.rows[group.start : group.stop]

    def mapped(self, slot: int) -> range:
        """The rows of a learnable map that score the choices of a slot."""
        return range(len(self.rows) + 1) if self.is_sequence else self.groups[slot]

    def first_map(self, n_rows: int) -> Tensor:
        """A learnable map that begins as the verbalizer: (n_mapped, n_rows)."""
        rows = np.concatenate([self.rows, [EOS]]) if self.is_sequence else self.rows
        first = torch.zeros(len(rows), n_rows)
        first[torch.arange(len(rows)), torch.from_numpy(rows)] = 1.0
        return first


class Competition:
    """The rows that compete at each slot, on a device, and the loss between them.

    Args:
        answers: what competes where.
        loss: `labels` or `full`, see `examples.Loss`.
        n_rows: of the LM's embedding.
        device: of the hidden states.
        smoothing: share of each target's probability that is spread over all that compete
            (Szegedy et al. 2016).
    """

    def __init__(
        self,
        answers: Answers,
        loss: Loss,
        n_rows: int,
        device: torch.device,
        smoothing: float = 0.0,
    ) -> None:
        self.is_full, self.smoothing = loss == "full", smoothing
        n_slots = 1 if answers.is_sequence else len(answers.groups)
        choices = [answers.choices(slot) for slot in range(n_slots)]
        self.rows = [torch.from_numpy(rows).to(device) for rows in choices]
        place = np.full(n_rows, -1, np.int64)
        for rows in choices:
            place[rows] = np.arange(len(rows))
        self._place = torch.from_numpy(place).to(device)

    def loss(self, hidden: Tensor, targets: Tensor, logits: Logits, scores: Scores) -> Tensor:
        """Mean cross entropy over the outputs, in nats.

        Args:
            hidden: (n_outputs, dim), the slots of an utterance one after another.
            targets: (n_outputs,) rows.
            logits: scores of all rows.
            scores: scores of those that compete at a slot.
        """
        if self.is_full:
            return self._cross_entropy(logits(hidden), targets)
        n = len(self.rows)
        if n == 1:
            return self._cross_entropy(scores(hidden, 0), self._place[targets])
        by_utterance, places = hidden.view(-1, n, hidden.shape[1]), self._place[targets].view(-1, n)
        losses = [
            self._cross_entropy(scores(by_utterance[:, slot], slot), places[:, slot])
            for slot in range(n)
        ]
        return torch.stack(losses).mean()

    def _cross_entropy(self, scores: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(scores, targets, label_smoothing=self.smoothing)


class Objective:
    """The loss of a batch under prompts.

    Args:
        frozen: the LM.
        prompts: the trained parameters.
        answers: what competes where.
        loss: `labels` or `full`, see `examples.Loss`.
        smoothing: see `Competition`.
    """

    def __init__(
        self,
        frozen: FrozenLM,
        prompts: Prompts,
        answers: Answers,
        loss: Loss,
        smoothing: float = 0.0,
    ) -> None:
        self.frozen, self.prompts, self.answers, self.loss = frozen, prompts, answers, loss
        self._competition = Competition(
            answers, loss, frozen.shape.n_rows, frozen.device, smoothing
        )

    def scores(self, hidden: Tensor, slot: int) -> Tensor:
        """Scores of the answers that compete at a slot.

        Args:
            hidden: (n, dim) of outputs that answer this slot.
            slot: 0 for sequence tasks.

        Returns:
            (n, n_choices), unnormalised, in the order of `Answers.choices`.
        """
        logits = self.frozen.logits(hidden)
        if self.prompts.label_map is not None:
            mapped = self.answers.mapped(slot)
            return self.prompts.class_scores(logits)[:, mapped.start : mapped.stop]
        return logits[:, self._competition.rows[slot]]

    def __call__(
        self,
        batch: Packed,
        targets: Tensor,
        *,
        dropout: float = 0.0,
        generator: np.random.Generator | None = None,
    ) -> Tensor:
        """Mean cross entropy over the outputs, in nats.

        Args:
            batch: the packed sequences.
            targets: (n_outputs,) rows.
            dropout: of the prompts.
            generator: source of the dropout; None for none.
        """
        kv = self.prompts.kv(self.frozen, dropout, generator)
        hidden = self.frozen(batch, self.prompts.vectors(self.frozen), kv)
        return self._competition.loss(hidden, targets, self.frozen.logits, self.scores)
