"""Answers from the prompted LM: one pass over the units, then cached steps.

Slots are answered greedily, one after the other, each among its own labels; through the channel,
by the label that the units are likeliest under. Sequences are answered by beam search among all
labels and `</s>`; hypotheses compete by their log-probability divided by length ** length_penalty,
`</s>` counted, as in fairseq.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.gslm.packing import Packed, length_bucketed, pack
from bench.progress import Bar
from bench.prompting.cache import Cache
from bench.prompting.channel import ChannelObjective
from bench.prompting.objective import Objective
from bench.prompting.past import PromptKv


class Answer(NamedTuple):
    """Label ids and their log-probability among the possible answers (natural logarithm)."""

    labels: tuple[int, ...]
    score: float


class Search(NamedTuple):
    """How sequences are searched.

    Attributes:
        beam: hypotheses kept; 1 is greedy.
        length_penalty: exponent of the length a score is divided by.
        max_length: labels at most; fewer where the LM's positions end.
    """

    beam: int = 1
    length_penalty: float = 1.0
    max_length: int = 200


@torch.no_grad()
def decode(
    objective: Objective | ChannelObjective,
    sequences: Sequence[NDArray[np.int64]],
    search: Search,
    *,
    batch_tokens: int = 8192,
    bar: Bar | None = None,
) -> list[Answer]:
    """Answer utterances.

    Args:
        objective: the LM, the prompts and the answers that compete.
        sequences: each `</s> u_1 ... u_T <s>` as embedding rows.
        search: for sequence tasks.
        batch_tokens: tokens read at once; an answer does not depend on it.
        bar: is advanced by the utterances done.

    Returns:
        One answer a sequence, in order.
    """
    frozen, answers = objective.frozen, objective.answers
    answer_batch = _way(objective, search)
    lengths = np.array([len(s) for s in sequences])
    copies = search.beam if answers.is_sequence else 1
    found: list[Answer | None] = [None] * len(sequences)
    for indices in length_bucketed(lengths, batch_tokens // copies, None):
        batch = pack([sequences[i] for i in indices], [1] * len(indices)).to(frozen.device)
        for place, answer in zip(batch.order, answer_batch(batch), strict=True):
            found[int(indices[place])] = answer
        if bar is not None:
            bar.advance(len(indices))
    return [answer for answer in found if answer is not None]


def _way(
    objective: Objective | ChannelObjective, search: Search
) -> Callable[[Packed], list[Answer]]:
    """What answers a batch, in packed order."""
    if isinstance(objective, ChannelObjective):
        return lambda batch: _likeliest(objective, batch)
    prompts = objective.prompts.kv(objective.frozen)
    if objective.answers.is_sequence:
        return lambda batch: _sequences(objective, batch, prompts, search)
    return lambda batch: _slots(objective, batch, prompts)


def _likeliest(objective: ChannelObjective, batch: Packed) -> list[Answer]:
    """The label under which an utterance's units are likeliest, in packed order."""
    best = torch.log_softmax(objective.scores(batch), dim=1).max(dim=1)
    found = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return [Answer((label,), score) for label, score in found]


def _slots(objective: Objective, batch: Packed, prompts: list[PromptKv] | None) -> list[Answer]:
    """One label a slot, greedily, in packed order."""
    groups = objective.answers.groups
    rows = torch.from_numpy(objective.answers.rows).to(objective.frozen.device)
    vectors = objective.prompts.vectors(objective.frozen)
    cache: Cache | None = None
    if len(groups) == 1:
        hidden = objective.frozen(batch, vectors, prompts)
    else:
        hidden, past = objective.frozen.read(batch, vectors, prompts, len(groups) - 1)
        cache = Cache(objective.frozen, past, len(groups) - 1)
    score = torch.zeros(len(hidden), device=hidden.device)
    chosen: list[Tensor] = []
    for slot, group in enumerate(groups):
        if slot > 0:
            assert cache is not None
            hidden = cache.step(rows[chosen[-1]], vectors)
        best = torch.log_softmax(objective.scores(hidden, slot), dim=1).max(dim=1)
        score += best.values
        chosen.append(best.indices + group.start)
    labels = torch.stack(chosen, dim=1).tolist()
    return [Answer(tuple(ids), s) for ids, s in zip(labels, score.tolist(), strict=True)]


def _sequences(
    objective: Objective, batch: Packed, prompts: list[PromptKv] | None, search: Search
) -> list[Answer]:
    """A sequence of labels by beam search, in packed order."""
    frozen, beam = objective.frozen, search.beam
    rows = torch.from_numpy(objective.answers.rows).to(frozen.device)
    limits = torch.tensor(
        [
            min(search.max_length, frozen.shape.max_positions - g.length)
            for g in batch.groups
            for _ in range(g.utterances)
        ]
    )
    steps = int(limits.max())
    vectors = objective.prompts.vectors(frozen)
    hidden, past = frozen.read(batch, vectors, prompts, steps * beam)
    cache = Cache(frozen, past, steps, beam)
    n, end = len(batch.order), len(rows)
    finished: list[list[tuple[float, Answer]]] = [[] for _ in range(n)]
    history: list[list[tuple[int, ...]]] = [[()] * beam for _ in range(n)]
    hidden = hidden.repeat_interleave(beam, dim=0)
    total = torch.full((n, beam), float("-inf"))
    total[:, 0] = 0.0
    for step in range(steps + 1):
        logp = torch.log_softmax(objective.scores(hidden, 0), dim=1).view(n, beam, end + 1)
        logp[(limits == step).to(logp.device), :, :end] = float("-inf")
        n_best = min(2 * beam, beam * (end + 1))
        ranked = (total.to(logp.device)[:, :, None] + logp).flatten(1).topk(n_best, dim=1)
        parents, tokens = (
            torch.zeros(n, beam, dtype=torch.int64),
            torch.zeros(n, beam, dtype=torch.int64),
        )
        total = torch.full((n, beam), float("-inf"))
        values, indices = ranked.values.tolist(), ranked.indices.tolist()
        going_on = False
        for u in range(n):
            if len(finished[u]) >= beam:
                continue
            alive: list[tuple[int, ...]] = []
            for rank, (value, index) in enumerate(zip(values[u], indices[u], strict=True)):
                parent, label = divmod(index, end + 1)
                if value == float("-inf") or len(alive) == beam:
                    break
                if label == end:
                    if rank < beam:
                        path = history[u][parent]
                        norm = value / (len(path) + 1) ** search.length_penalty
                        finished[u].append((norm, Answer(path, value)))
                    continue
                parents[u, len(alive)], tokens[u, len(alive)] = parent, label
                total[u, len(alive)] = value
                alive.append((*history[u][parent], label))
            history[u] = alive + [()] * (beam - len(alive))
            going_on = going_on or (bool(alive) and len(finished[u]) < beam)
        if not going_on:
            break
        offsets = torch.arange(n)[:, None] * beam
        if beam > 1:
            cache.reorder((parents + offsets).flatten().to(frozen.device))
        hidden = cache.step(rows[tokens.flatten().to(frozen.device)], vectors)
    return [max(f, key=lambda item: item[0])[1] for f in finished]
