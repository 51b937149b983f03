"""Per-layer means over time of a frozen GSLM's hidden states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from bench.gslm.card import EOS
from bench.gslm.folder import Gslm
from bench.gslm.packing import length_bucketed, pack
from bench.progress import Bar
from bench.prompting.frozen import FrozenLM

BATCH_TOKENS = 8192
"""Tokens the LM reads at once; a mean does not depend on it."""


def mean_hidden_states(
    frozen: FrozenLM,
    gslm: Gslm,
    units: Sequence[NDArray[np.int32]],
    *,
    layers: Sequence[int],
    normalize: bool,
    bar: Bar,
) -> NDArray[np.float32]:
    """Means over an utterance's units of what the LM makes of `</s> u_1 ... u_T`.

    Args:
        frozen: the LM.
        gslm: gives the units' rows; units beyond its positions are not read.
        units: of each utterance, one at least.
        layers: hidden states, counted as in `FrozenLM.hidden_states`.
        normalize: layer norm (without weights) on every hidden state before the mean.
        bar: is advanced by the utterances done.

    Returns:
        (n_utterances, n_layers, dim).
    """
    most = gslm.card.lm.max_positions - 1
    sequences = [np.concatenate([[EOS], gslm.rows_of(u[:most])]) for u in units]
    lengths = np.array([len(s) for s in sequences])
    dim = gslm.card.lm.dim
    means = np.empty((len(units), len(layers), dim), np.float32)
    for indices in length_bucketed(lengths, BATCH_TOKENS, None):
        batch = pack([sequences[i] for i in indices]).to(frozen.device)
        places = indices[batch.order]
        states = frozen.hidden_states(batch)
        for column, layer in enumerate(layers):
            state = states[layer]
            if normalize:
                state = functional.layer_norm(state, (dim,))
            pooled = [
                state[g.start : g.end].view(g.utterances, g.length, dim)[:, 1:].mean(dim=1)
                for g in batch.groups
            ]
            means[places, column] = torch.cat(pooled).cpu().numpy()
        bar.advance(len(indices))
    return means
