from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from baselines.s3prl import naming


class Waves(nn.Module):
    """A tiny upstream of several layers with s3prl's interface: convolutions of the waveform."""

    def __init__(self, n_layers: int = 3, dim: int = 8) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        first = torch.randn(dim, 1, 400, generator=generator) / 20
        self.first = nn.Parameter(first)
        self.others = nn.ParameterList(
            torch.randn(dim, dim, generator=generator) / dim**0.5 for _ in range(n_layers - 1)
        )

    def get_downsample_rates(self, key: str) -> int:
        return 320

    def forward(self, wavs: list[Tensor]) -> dict[str, list[Tensor]]:
        padded = nn.utils.rnn.pad_sequence(list(wavs), batch_first=True)
        # A norm over the whole clip: padding would change the features.
        padded = padded / (padded.std(dim=1, keepdim=True) + 1e-3)
        hidden = [nn.functional.conv1d(padded[:, None], self.first, stride=320).transpose(1, 2)]
        for weight in self.others:
            hidden.append(torch.tanh(hidden[-1] @ weight))
        return {"hidden_states": hidden}


@pytest.fixture(autouse=True)
def waves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(naming.OWN._entries, "waves", Waves)
