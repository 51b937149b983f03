"""The channel: each label has prompts of its own, and what an utterance is likeliest under wins.

Asked directly, the LM reads an utterance and names its label. Asked through the channel it names
nothing: under each label's prompts it says how likely the utterance's units are, unit by unit,
which is what it was pretrained for, and every unit of the utterance weighs in. This is how
languages are told apart by their phones, with a language model for each; here one frozen LM is all
of them.

Source: Min et al., "Noisy Channel Language Model Prompting for Few-Shot Text Classification" (ACL
2022), for prompts; Zissman (1996) for languages by phone language models. Different from both, the
labels' prompts are trained to compete, not each for itself.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.gslm.card import LmShape
from bench.gslm.dropout import byte_dropout
from bench.gslm.packing import Packed
from bench.prompting.examples import Loss
from bench.prompting.frozen import FrozenLM
from bench.prompting.objective import Answers
from bench.prompting.prompts import TrainedPrompts
from tasks.labels import Labels

WEIGHT = 0.3
"""Of a unit's log-likelihood: neighbours say partly the same, so their sum would say too much."""


def label_numbers(labels: Labels) -> NDArray[np.int64]:
    """What stands for each label in targets: not a row of the LM, which names none, but itself."""
    return np.arange(labels.n)


class ChannelPrompts(TrainedPrompts):
    """Deep prompts, a set for each label; everything else is frozen.

    Attributes:
        key: (n_labels, layers, prompt_length, dim) key inputs of every layer.
        value: likewise, value inputs.
    """

    def __init__(self, shape: LmShape, prompt_length: int, n_labels: int) -> None:
        super().__init__()
        size = (n_labels, shape.layers, prompt_length, shape.dim)
        self.key = nn.Parameter(torch.zeros(size))
        self.value = nn.Parameter(torch.zeros(size))

    def parts(self, *, as_published: bool) -> list[tuple[list[nn.Parameter], float]]:
        """All parameters, at the whole learning rate; see `Prompts.parts`."""
        del as_published
        return [(list(self.parameters()), 1.0)]

    @property
    def n_trainable_paper(self) -> None:
        """The papers on speech prompts do not know these."""
        return None

    @torch.no_grad()
    def start(self, frozen: FrozenLM, batch: Packed, generator: torch.Generator) -> None:
        """Begin at real activations, as `Prompts` do; all labels at the same ones.

        Args:
            frozen: the LM.
            batch: tokens to take them from, without `<s>`.
            generator: draws the tokens.
        """
        drawn = torch.randint(len(batch.tokens), (self.key.shape[2],), generator=generator)
        for i, seen in enumerate(frozen.attention_inputs(batch)):
            self.key[:, i] = self.value[:, i] = seen[drawn.to(frozen.device)]


class ChannelObjective:
    """The loss of a batch under each label's prompts.

    Args:
        frozen: the LM.
        prompts: the trained parameters.
        answers: one slot; see `label_numbers`.
        smoothing: see `objective.Competition`.
    """

    loss: Loss = "labels"

    def __init__(
        self,
        frozen: FrozenLM,
        prompts: ChannelPrompts,
        answers: Answers,
        smoothing: float = 0.0,
    ) -> None:
        self.frozen, self.prompts, self.answers = frozen, prompts, answers
        self.smoothing = smoothing

    def scores(
        self,
        batch: Packed,
        *,
        dropout: float = 0.0,
        generator: np.random.Generator | None = None,
    ) -> Tensor:
        """Weighted log-likelihood of each utterance's units under each label.

        Args:
            batch: packed `</s> u_1 ... u_T <s>`; neither of the two is counted.
            dropout: of the prompts.
            generator: source of the dropout; None for none.

        Returns:
            (n_utterances, n_labels) float32, in packed order.
        """
        keys = byte_dropout(self.prompts.key, dropout, generator)
        values = byte_dropout(self.prompts.value, dropout, generator)
        whole = batch.with_every_output()
        successors = torch.roll(batch.tokens, -1)
        scores = []
        for own_keys, own_values in zip(keys, values, strict=True):
            hidden = self.frozen(whole, None, self.frozen.deep_kv(own_keys, own_values))
            loss = F.cross_entropy(self.frozen.logits(hidden), successors, reduction="none")
            by_group = [loss[g.start : g.end].view(g.utterances, -1) for g in batch.groups]
            scores.append(torch.cat([-WEIGHT * rows[:, :-2].sum(dim=1) for rows in by_group]))
        return torch.stack(scores, dim=1)

    def __call__(
        self,
        batch: Packed,
        targets: Tensor,
        *,
        dropout: float = 0.0,
        generator: np.random.Generator | None = None,
    ) -> Tensor:
        """Mean cross entropy between the labels, all as likely beforehand, in nats.

        Args:
            batch: the packed sequences.
            targets: (n_utterances,) labels.
            dropout: of the prompts.
            generator: source of the dropout; None for none.
        """
        scores = self.scores(batch, dropout=dropout, generator=generator)
        return F.cross_entropy(scores, targets, label_smoothing=self.smoothing)
