"""Training on time means against s3prl's own modules and loop on whole frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines.label_softmax import LabelSoftmax
from baselines.s3prl.containment import seeded, silenced
from baselines.s3prl.pooled_classifier import PooledClassifier, Shape
from baselines.updates import Updates
from tasks.labels import Labels

with silenced():
    from s3prl.dataio.encoder.category import CategoryEncoder, CategoryEncoders
    from s3prl.nn import Featurizer, MeanPoolingLinear
    from s3prl.task.utterance_classification_task import (
        UtteranceClassificationTask,
        UtteranceMultiClassClassificationTask,
    )

LAYERS, DIM, BATCH = 13, 48, 6
GROUPS = {
    "ks": (tuple("abcdefghijkl"),),
    "ic": (tuple("abcdef"), tuple("abcdefghijklmn"), tuple("abcd")),
}


class Theirs(nn.Module):
    """s3prl's model from the frames on: Featurizer and MeanPoolingLinear."""

    def __init__(self, n_layers: int, n_labels: int) -> None:
        super().__init__()
        self.featurizer = Featurizer(Shape(n_layers, [DIM] * n_layers, [320] * n_layers))
        self.head = MeanPoolingLinear(DIM, n_labels, hidden_size=256)
        self.output_size = n_labels

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        hidden, hidden_lengths = self.featurizer(list(frames), [lengths] * len(frames))
        found: Tensor = self.head(hidden, hidden_lengths)
        return found


def labels(task: str) -> Labels:
    groups = GROUPS[task]
    return Labels(groups=groups, counts=tuple((1,) * len(group) for group in groups))


def pair(task: str, n_layers: int = LAYERS) -> tuple[PooledClassifier, Any]:
    """Ours and s3prl's task around its model, with the same weights, by the same draws."""
    known = labels(task)
    with seeded(5):
        ours = PooledClassifier(n_layers, DIM, 320, known)
    with seeded(5):
        model = Theirs(n_layers, known.n)
    if task == "ks":
        theirs = UtteranceClassificationTask(model, CategoryEncoder(list(known.groups[0])))
    else:
        encoders = CategoryEncoders([list(group) for group in known.groups])
        theirs = UtteranceMultiClassClassificationTask(model, encoders)
    if n_layers > 1:
        for module in (ours, model):
            weights = torch.linspace(-1, 1, n_layers)
            module.featurizer.get_parameter("weights").data.copy_(weights)
    return ours, theirs


def batches(task: str, n: int, n_layers: int = LAYERS) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(layers, batch, frames, dim) padded with rubbish, lengths, targets within the groups."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(n):
        frames = torch.randn(n_layers, BATCH, 50, DIM, generator=generator)
        lengths = torch.randint(10, 51, (BATCH,), generator=generator)
        targets = [
            torch.randint(len(group), (BATCH,), generator=generator) for group in GROUPS[task]
        ]
        yield frames, lengths, torch.stack(targets, dim=1)


def their_loss(task: str, theirs: Any, frames: Tensor, lengths: Tensor, targets: Tensor) -> Tensor:
    if task == "ks":
        words = [GROUPS[task][0][i] for i in targets[:, 0]]
        loss, _ = theirs("train", frames, lengths, targets[:, 0], words, None)
    else:
        loss, _ = theirs("train", frames, lengths, targets, targets.numpy(), None)
    found: Tensor = loss
    return found


def our_means(frames: Tensor, lengths: Tensor) -> Tensor:
    return torch.stack([frames[:, i, :n].mean(dim=1) for i, n in enumerate(lengths.tolist())])


def our_targets(task: str, targets: Tensor) -> Tensor:
    known = labels(task)
    return targets + torch.tensor([known.group_ids(g)[0] for g in range(len(known.groups))])


@pytest.mark.parametrize("n_layers", [1, LAYERS])
@pytest.mark.parametrize("task", ["ks", "ic"])
def test_logits_losses_and_gradients(task: str, n_layers: int) -> None:
    ours, theirs = pair(task, n_layers)
    for frames, lengths, targets in batches(task, 3, n_layers):
        logits = ours(our_means(frames, lengths))
        assert torch.allclose(logits, theirs.model(frames, lengths), atol=1e-5, rtol=0)
        known = our_targets(task, targets), LabelSoftmax(labels(task))
        loss = ours.differentiate(our_means(frames, lengths), *known)
        other = their_loss(task, theirs, frames, lengths, targets)
        assert abs(float(loss) - float(other.detach())) < 1e-5
        plain = known[1].loss(logits, known[0])
        assert abs(float(loss) - float(plain.detach())) < 1e-6
        gradients = [p.grad for p in ours.parameters() if p.grad is not None]
        for a, b in zip(
            gradients, torch.autograd.grad(plain, list(ours.parameters())), strict=True
        ):
            assert torch.allclose(a, b, atol=1e-6, rtol=0)
        expected = torch.autograd.grad(other, list(theirs.parameters()))
        assert len(gradients) == len(expected) == 4 + (n_layers > 1)
        for a, b in zip(gradients, expected, strict=True):
            assert torch.allclose(a, b, atol=1e-5, rtol=0)


@pytest.mark.parametrize("task", ["ks", "ic"])
def test_fifty_steps(task: str) -> None:
    ours, theirs = pair(task)
    updates = Updates(
        dict(ours.named_parameters()), lambda name: 1e-3, (0.9, 0.999), 1.0, joined=True
    )
    optimizer = torch.optim.Adam(theirs.parameters(), lr=1e-3)
    softmax = LabelSoftmax(labels(task))
    start = [p.detach().clone() for p in ours.parameters()]
    for frames, lengths, targets in batches(task, 50):
        ours.differentiate(our_means(frames, lengths), our_targets(task, targets), softmax)
        updates.step(1.0)
        optimizer.zero_grad()
        torch.autograd.backward(their_loss(task, theirs, frames, lengths, targets))
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        optimizer.step()
    for first, a, b in zip(start, ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-4, rtol=0)
        assert float((a.detach() - first).abs().max()) > 1e-2, "it was trained"


@pytest.mark.parametrize(
    ("task", "dim", "n"),
    [("ks", 768, 199_948), ("ic", 768, 203_032), ("ks", 256, 68_876), ("ic", 256, 71_960)],
)
def test_parameter_counts_are_the_published_ones(task: str, dim: int, n: int) -> None:
    model = PooledClassifier(13, dim, 320, labels(task))
    assert model.n_head_parameters == n
    assert sum(p.numel() for p in model.parameters()) == n + 13
