"""From hidden states to a loss: which answers compete at each output."""

from __future__ import annotations

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

    def choices(self, slot: int) -> NDArray[np.int64]:
        """The rows that compete at a slot; for sequence tasks `</s>` comes last."""
        if self.is_sequence:
            return np.concatenate([self.rows, [EOS]])
        group = self.groups[slot]
        return self.rows[group.start : group.stop]


class Objective:
    """The loss of a batch.

    Args:
        frozen: the LM.
        prompts: the trained parameters.
        answers: what competes where.
        loss: `labels` or `full`, see `examples.Loss`.
    """

    def __init__(self, frozen: FrozenLM, prompts: Prompts, answers: Answers, loss: Loss) -> None:
        self.frozen, self.prompts, self.answers, self.loss = frozen, prompts, answers, loss
        n_slots = 1 if answers.is_sequence else len(answers.groups)
        self._choices = [
            torch.from_numpy(answers.choices(slot)).to(frozen.device) for slot in range(n_slots)
        ]
        place = np.full(frozen.shape.n_rows, -1, np.int64)
        for slot in range(n_slots):
            rows = answers.choices(slot)
            place[rows] = np.arange(len(rows))
        self._place = torch.from_numpy(place).to(frozen.device)

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
            group = self.answers.groups[slot]
            return self.prompts.class_scores(logits)[:, group.start : group.stop]
        return logits[:, self._choices[slot]]

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
        hidden = self.frozen(batch, self.prompts.separator, kv)
        if self.loss == "full":
            return F.cross_entropy(self.frozen.logits(hidden), targets)
        if len(self._choices) == 1:
            return F.cross_entropy(self.scores(hidden, 0), self._place[targets])
        n = len(self._choices)
        by_utterance, places = hidden.view(-1, n, hidden.shape[1]), self._place[targets].view(-1, n)
        losses = [
            F.cross_entropy(self.scores(by_utterance[:, slot], slot), places[:, slot])
            for slot in range(n)
        ]
        return torch.stack(losses).mean()
