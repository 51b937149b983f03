from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from baselines.s3prl.long_convolution import LongConvolution, take_over


def conv(kernel: int = 128, padding: int = 64, groups: int = 4, *, bias: bool = True) -> nn.Conv1d:
    torch.manual_seed(0)
    return nn.Conv1d(16, 8, kernel, padding=padding, groups=groups, bias=bias)


@pytest.mark.parametrize("n_frames", [127, 129, 130, 131, 255, 700])
@pytest.mark.parametrize(
    ("kernel", "padding", "groups", "bias"),
    [(128, 64, 4, True), (127, 0, 1, True), (33, 16, 8, False)],
)
def test_it_is_the_convolution(
    n_frames: int, kernel: int, padding: int, groups: int, bias: bool
) -> None:
    direct = conv(kernel, padding, groups, bias=bias)
    x = torch.randn(3, 16, n_frames)
    with torch.no_grad():
        expected, found = direct(x), LongConvolution(direct)(x)
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, atol=5e-6, rtol=0)


@pytest.mark.parametrize("n_frames", [1, 2, 49])
def test_clips_shorter_than_the_kernel(n_frames: int) -> None:
    direct, x = conv(), torch.randn(3, 16, n_frames)
    with torch.no_grad():
        torch.testing.assert_close(LongConvolution(direct)(x), direct(x), atol=5e-6, rtol=0)


@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
@pytest.mark.parametrize("normalise", [nn.utils.weight_norm, nn.utils.parametrizations.weight_norm])
def test_normalised_weights_are_read_as_they_are_at_the_call(
    normalise: Callable[..., nn.Module],
) -> None:
    """`weight_norm` of the older kind brings `weight` up to date at a call only."""
    module = nn.Sequential(normalise(conv(), name="weight", dim=2), nn.GELU())
    other = copy.deepcopy(module.state_dict())
    for tensor in other.values():
        tensor.mul_(1.5)
    module.load_state_dict(other)
    x = torch.randn(2, 16, 60)
    with torch.no_grad():
        expected = module(x)
        module.load_state_dict(other)
        assert take_over(module) == 1
        torch.testing.assert_close(module(x), expected, atol=5e-6, rtol=0)
    assert module.state_dict().keys() == other.keys()


def test_what_is_short_strided_or_spread_stays() -> None:
    module = nn.ModuleList(
        [
            nn.Conv1d(4, 4, 31),
            nn.Conv1d(4, 4, 64, stride=2),
            nn.Conv1d(4, 4, 64, dilation=2),
            nn.Conv1d(4, 4, 64, padding="same"),
            nn.Conv1d(4, 4, 64, padding=1, padding_mode="circular"),
            nn.Conv2d(4, 4, 64),
        ]
    )
    assert take_over(module) == 0
