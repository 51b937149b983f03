"""Labels from recurrent layers, against s3prl's own modules."""

from __future__ import annotations

import torch
from s3prl.nn import MeanPooling
from torch import Tensor

from baselines.s3prl.containment import seeded
from baselines.s3prl.pooled_classifier import PooledClassifier
from baselines.s3prl.recurrent_head import RecurrentClassifier, Size, padded
from tasks.labels import Labels

TINY = Size(proj=6, hidden=5, dropout=0.2, standardizes=True, samples_a_step=640)


def classifier(stride: int = 320) -> RecurrentClassifier:
    with seeded(3):
        return RecurrentClassifier(2, 12, stride, 4, TINY, spec_augment=True)


def clips(*lengths: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2, n, 12, generator=generator) for n in lengths]


def test_logits_are_the_mean_of_what_s3prls_encoder_says_at_each_step() -> None:
    head = classifier().eval()
    arguments = padded(clips(20, 7, 12))
    scores, steps = head.step_scores(*arguments)
    assert steps.tolist() == [10, 4, 6], "two frames of 20 ms are joined"
    wanted = MeanPooling(4)(scores, steps)
    assert torch.allclose(head(*arguments), wanted, atol=1e-6)


def test_an_utterances_logits_do_not_depend_on_its_neighbours() -> None:
    head = classifier().eval()
    said = clips(20, 7, 12)
    together = head(*padded(said))
    for alone, row in zip(said, together, strict=True):
        assert torch.allclose(head(*padded([alone]))[0], row, atol=1e-6)


def test_it_hears_an_order_that_a_mean_over_time_does_not() -> None:
    labels = Labels(groups=(("a", "b", "c", "d"),), counts=((1,) * 4,))
    said = clips(20, 20)
    turned = [frames.flip(1) for frames in said]
    head = classifier().eval()
    assert not torch.allclose(head(*padded(said)), head(*padded(turned)), atol=1e-3)
    pooled = PooledClassifier(2, 12, 320, labels)
    means = pooled.arguments(said), pooled.arguments(turned)
    assert torch.allclose(pooled(*means[0]), pooled(*means[1]), atol=1e-5)


def test_every_parameter_learns() -> None:
    head = classifier()
    with seeded(1):
        head(*padded(clips(200, 150))).square().sum().backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
