"""The first layer's queries, keys and values by table instead of by product.

What the first layer reads is a token's embedding plus a position, of which there are few. Its norm
only moves and scales that sum, so the projection of a sum is the sum of two projections, scaled:
with x = e + p (both centred), W (g * x / s + b) + c = (W (g * e) + W (g * p)) / s + (W b + c).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor


class FirstProjection:
    """A frozen norm and linear map of tokens as the LM itself embeds them.

    Args:
        embedded: (n_rows, dim) embedding rows, scaled.
        positions: (n_positions, dim), added to them.
        norm_weight: (dim,), and
        norm_bias: (dim,), of the norm.
        weight: (n_out, dim), and
        bias: (n_out,), of the map, in the type of its outputs.
        eps: what the norm adds to the variance.
    """

    def __init__(
        self,
        embedded: Tensor,
        positions: Tensor,
        norm_weight: Tensor,
        norm_bias: Tensor,
        weight: Tensor,
        bias: Tensor,
        *,
        eps: float,
    ) -> None:
        self._positions, self._norm_weight, self._eps = positions, norm_weight, eps
        self._weight, self._dtype = weight.to(embedded.dtype), weight.dtype
        self._tokens = _centred(embedded)
        self._n_rows = len(embedded)
        self._bias = F.linear(norm_bias, self._weight, bias.to(embedded.dtype))
        self._n_positions = 0
        self._table = self._scales = embedded.new_empty(0)

    @torch.no_grad()
    def __call__(self, tokens: Tensor, positions: Tensor, longest: int) -> Tensor:
        """Normed and mapped.

        Args:
            tokens: (n,) int64, embedding rows.
            positions: (n,) int64, places in the utterance.
            longest: more than the last of these.

        Returns:
            (n, n_out).
        """
        if longest > self._n_positions:
            self._extend(longest)
        share = self._scales[tokens, positions]
        end = len(self._table) - 1
        terms = torch.stack([tokens, self._n_rows + positions, torch.full_like(tokens, end)], dim=1)
        shares = torch.stack([share, share, torch.ones_like(share)], dim=1)
        found = F.embedding_bag(terms, self._table, mode="sum", per_sample_weights=shares)
        return found.to(self._dtype)

    def _extend(self, longest: int) -> None:
        """Makes the tables anew, for twice the positions."""
        self._n_positions = min(2 * longest, len(self._positions))
        places = _centred(self._positions[: self._n_positions])
        terms = torch.cat([self._tokens, places]) * self._norm_weight
        self._table = torch.cat([F.linear(terms, self._weight), self._bias[None]])
        squares = self._tokens.pow(2).mean(dim=1)[:, None] + places.pow(2).mean(dim=1)
        variance = squares + 2 / places.shape[1] * self._tokens @ places.t()
        self._scales = (variance + self._eps).rsqrt()


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(dim=1, keepdim=True)
