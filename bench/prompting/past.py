"""What tokens to come attend to: the past of a batch that was read, and attention over it.

Keys and values, as a rule. Where fewer tokens will ask than there are to be asked, neither is
needed: with the key map W and its bias b, a score q . (W x + b) is (q W) . x + q . b, and a mean of
values is the map of a mean. So the asking token is mapped, not those that are asked. (As
DeepSeek-V2's latent attention does with its compressed keys, DeepSeek-AI 2024.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.gslm.attention import wide


class PromptKv(NamedTuple):
    """A layer's prompts as attention sees them: (heads, prompt_length, head_dim) each."""

    keys: Tensor
    values: Tensor


class Projected(NamedTuple):
    """Keys and values of what was read.

    Attributes:
        keys: (heads * utterances, longest, head_dim), flush left; any after the last token.
        values: the same shape.
    """

    keys: Tensor
    values: Tensor

    def scores(self, q: Tensor) -> Tensor:
        """(heads, n_rows, head_dim) queries to (heads, n_rows, longest)."""
        asking = q.reshape(len(self.keys), -1, q.shape[2])
        return torch.bmm(asking, self.keys.transpose(1, 2)).view(*q.shape[:2], -1)

    def mixed(self, weights: Tensor) -> Tensor:
        """(heads, n_rows, longest) attention weights to (heads, n_rows, head_dim)."""
        by_utterance = weights.reshape(len(self.keys), -1, weights.shape[2])
        return torch.bmm(by_utterance, self.values).view(*weights.shape[:2], -1)


class Unprojected(NamedTuple):
    """What was read, before keys and values are made of it.

    Attributes:
        rows: (utterances, longest, dim), flush left; any after the last token.
        key_map: (heads, head_dim, dim).
        key_bias: (heads, head_dim, 1).
        value_map: (heads, dim, head_dim).
        value_bias: (heads, 1, head_dim).
    """

    rows: Tensor
    key_map: Tensor
    key_bias: Tensor
    value_map: Tensor
    value_bias: Tensor

    def scores(self, q: Tensor) -> Tensor:
        """See `Projected.scores`."""
        asking = self._by_utterance(torch.bmm(q, self.key_map))
        found = torch.bmm(asking, self.rows.transpose(1, 2))
        return self._by_head(found, len(q)).add_(torch.bmm(q, self.key_bias))

    def mixed(self, weights: Tensor) -> Tensor:
        """See `Projected.mixed`."""
        means = torch.bmm(self._by_utterance(weights), self.rows)
        mixed = torch.bmm(self._by_head(means, len(weights)), self.value_map)
        return mixed.add_(weights.sum(dim=2, keepdim=True) * self.value_bias)

    def _by_utterance(self, x: Tensor) -> Tensor:
        """(heads, n_rows, m) to (utterances, rows of each * heads, m)."""
        return x.transpose(0, 1).reshape(len(self.rows), -1, x.shape[2])

    def _by_head(self, x: Tensor, heads: int) -> Tensor:
        """The way back."""
        return x.reshape(-1, heads, x.shape[2]).transpose(0, 1).contiguous()


class LayerPast(NamedTuple):
    """What the tokens to come attend to in one layer.

    Attributes:
        own: what each utterance has of its own.
        prompt: what all utterances see, or None.
    """

    own: Projected | Unprojected
    prompt: PromptKv | None


class Past(NamedTuple):
    """What was read of a batch.

    Attributes:
        lengths: (utterances,) tokens that each has, in packed order.
        layers: every layer's.
    """

    lengths: NDArray[np.int64]
    layers: list[LayerPast]

    def unseen(self, n_last: int, device: torch.device) -> Tensor:
        """(utterances, n_last, longest) bool, what is after each of an utterance's last tokens."""
        last = torch.from_numpy(self.lengths[:, None] - np.arange(n_last, 0, -1)).to(device)
        return torch.arange(int(self.lengths.max()), device=device) > last[:, :, None]


def attend(q: Tensor, past: LayerPast, unseen: Tensor, added: PromptKv | None = None) -> Tensor:
    """Attention over what was read, what was added since, and the prompts.

    Args:
        q: (heads, n_rows, head_dim) unscaled queries; those of an utterance side by side.
        past: what was read.
        unseen: see `Past.unseen`, of the rows of each utterance or of one for all.
        added: twice (heads * n_rows, n_added, head_dim), each row's own, or None.

    Returns:
        (n_rows, dim).
    """
    heads, n_rows, head_dim = q.shape
    q = (q * head_dim**-0.5).contiguous()
    own = past.own.scores(q).view(heads, len(unseen), -1, unseen.shape[2])
    scores = [own.masked_fill(unseen, float("-inf")).view(heads, n_rows, -1)]
    if added is not None:
        since = torch.bmm(q.view(-1, 1, head_dim), added.keys.transpose(1, 2))
        scores.append(since.view(heads, n_rows, -1))
    if past.prompt is not None:
        scores.append(torch.bmm(q, past.prompt.keys.transpose(1, 2)))
    weights = torch.softmax(wide(torch.cat(scores, dim=2)), dim=2).to(q.dtype)
    towards = list(torch.split(weights, [s.shape[2] for s in scores], dim=2))
    mixed = past.own.mixed(towards.pop(0))
    if added is not None:
        since = towards.pop(0).reshape(heads * n_rows, 1, -1)
        mixed += torch.bmm(since, added.values).view(q.shape)
    if past.prompt is not None:
        mixed.baddbmm_(towards.pop(0), past.prompt.values)
    return mixed.transpose(0, 1).reshape(n_rows, -1)
