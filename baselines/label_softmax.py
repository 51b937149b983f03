"""One softmax for each slot of a label task, over outputs that lie side by side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from tasks.labels import Labels


class LabelSoftmax:
    """The loss and the answers of a classifier of all slots.

    Args:
        labels: the label inventory; one softmax a group.
    """

    def __init__(self, labels: Labels) -> None:
        self.sizes = [len(group) for group in labels.groups]
        self.starts = [labels.group_ids(group)[0] for group in range(len(labels.groups))]

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Sum over the groups of the mean cross entropy.

        Args:
            logits: (batch, n_labels).
            targets: (batch, n_groups) int64 label ids.
        """
        parts = [
            functional.cross_entropy(part, targets[:, g] - self.starts[g])
            for g, part in enumerate(torch.split(logits, self.sizes, dim=1))
        ]
        return parts[0] if len(parts) == 1 else torch.stack(parts).sum()

    def loss_and_slopes(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and its gradient at the logits, both without autograd.

        Args:
            logits: (batch, n_labels), of which only the values count.
            targets: (batch, n_groups) int64 label ids.

        Returns:
            A scalar and (batch, n_labels).
        """
        parts = torch.split(logits.detach(), self.sizes, dim=1)
        each = [part.log_softmax(dim=1) for part in parts]
        logp = each[0] if len(each) == 1 else torch.cat(each, dim=1)
        loss = -logp.gather(1, targets).mean(dim=0).sum()
        slopes = logp.exp_().scatter_add_(1, targets, logp.new_full(targets.shape, -1.0))
        return loss, slopes.div_(len(logits))

    def answers(self, logits: Tensor) -> list[tuple[Sequence[int], float]]:
        """The most probable label of each group, and the log-probability of the whole answer."""
        labels, scores = [], torch.zeros(len(logits), dtype=torch.float64)
        for g, part in enumerate(torch.split(logits.double(), self.sizes, dim=1)):
            best, where = part.log_softmax(dim=1).max(dim=1)
            labels.append(where + self.starts[g])
            scores += best.cpu()
        ids = torch.stack(labels, dim=1).tolist()
        return list(zip(ids, scores.tolist(), strict=True))
