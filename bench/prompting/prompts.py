"""What prompt tuning trains: prompts, the separator's and labels' vectors, a verbalizer."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.gslm.card import BOS, LmShape
from bench.gslm.dropout import byte_dropout
from bench.gslm.packing import Packed
from bench.prompting.frozen import FrozenLM
from bench.prompting.past import PromptKv

Mode = Literal["deep", "input"]


class TrainedPrompts(nn.Module):
    """Parameters of which each is trained."""

    @property
    def n_trainable(self) -> int:
        """Parameters that really receive a gradient."""
        return sum(p.numel() for p in self.parameters())


class Prompts(TrainedPrompts):
    """The trained parameters; everything else is frozen.

    Attributes:
        key: (layers, prompt_length, dim) key inputs of every layer (deep mode).
        value: (layers, prompt_length, dim) value inputs (deep mode).
        prompt: (prompt_length, dim) input vectors (input mode).
        separator: (dim,) the vector of `<s>`, before the embedding scale.
        label_vectors: (n_labels, dim) the vectors that labels are read by, likewise, or None.
        label_map: (n_labels, n_rows) learnable verbalizer, or None.

    Source: SpeechPrompt (Chang et al. 2022), deep and input prompts; v2 (2023), the map.
    """

    def __init__(
        self,
        shape: LmShape,
        prompt_length: int,
        mode: Mode,
        *,
        n_mapped_labels: int = 0,
        read_labels: NDArray[np.int64] | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.prompt_length, self.mode = shape, prompt_length, mode
        if mode == "deep":
            size = (shape.layers, prompt_length, shape.dim)
            self.key = nn.Parameter(torch.zeros(size))
            self.value = nn.Parameter(torch.zeros(size))
        else:
            self.prompt = nn.Parameter(torch.zeros(prompt_length, shape.dim))
        self.separator = nn.Parameter(torch.zeros(shape.dim))
        rows = np.empty(0, np.int64) if read_labels is None else read_labels
        self.register_buffer("_read_rows", torch.from_numpy(np.append(rows, BOS)), persistent=False)
        self.label_vectors = nn.Parameter(torch.zeros(len(rows), shape.dim)) if len(rows) else None
        self.label_map = (
            nn.Parameter(torch.zeros(n_mapped_labels, shape.n_rows)) if n_mapped_labels else None
        )

    def parts(self, *, as_published: bool) -> list[tuple[list[nn.Parameter], float]]:
        """The parameters, with the share of the learning rate that suits their size.

        What stands for tokens is multiplied by sqrt(dim) before any layer sees it, so a step of
        the rate that suits prompts, which stand for normed states, would be that much too long.

        Args:
            as_published: one rate for all.
        """
        vectors = [p for p in (self.separator, self.label_vectors) if p is not None]
        others = [p for p in self.parameters() if all(p is not v for v in vectors)]
        return [(others, 1.0), (vectors, 1.0 if as_published else self.shape.dim**-0.5)]

    @property
    def n_trainable_paper(self) -> int:
        """Parameters as the papers count them.

        Deep prompts are counted with the input prompts, though these then have no influence:
        (P * (1 + 2 * layers) + 1) * dim, plus the learnable verbalizer and label vectors.
        """
        shape = self.shape
        mapped = sum(p.numel() for p in (self.label_map, self.label_vectors) if p is not None)
        per_prompt = 1 + 2 * shape.layers if self.mode == "deep" else 1
        return (self.prompt_length * per_prompt + 1) * shape.dim + mapped

    @torch.no_grad()
    def start(self, frozen: FrozenLM, batch: Packed, generator: torch.Generator) -> None:
        """Begin at real activations: each prompt is what a layer sees at a random real token.

        Args:
            frozen: the LM.
            batch: tokens to take them from, without `<s>`.
            generator: draws the tokens.
        """
        n = len(batch.tokens)
        drawn = torch.randint(n, (self.prompt_length,), generator=generator).to(frozen.device)
        if self.mode == "deep":
            for i, seen in enumerate(frozen.attention_inputs(batch)):
                self.key[i] = self.value[i] = seen[drawn]
        else:
            self.prompt.copy_(frozen.embedded(batch.tokens[drawn], torch.zeros_like(drawn), None))
        *own, separator = frozen.embedding[self.get_buffer("_read_rows")]
        self.separator.copy_(separator)
        if self.label_vectors is not None:
            self.label_vectors.copy_(torch.stack(own))

    def vectors(self, frozen: FrozenLM) -> Tensor:
        """What output tokens are embedded by: the LM's embedding, but for what is trained.

        Returns:
            (n_rows, dim), before the embedding scale.
        """
        own = self.separator[None]
        if self.label_vectors is not None:
            own = torch.cat([self.label_vectors, own])
        return frozen.embedding.index_copy(0, self.get_buffer("_read_rows"), own)

    def kv(
        self, frozen: FrozenLM, dropout: float = 0.0, generator: np.random.Generator | None = None
    ) -> list[PromptKv] | None:
        """Each layer's prompt keys and values; None where there are no prompts.

        Args:
            frozen: the LM.
            dropout: probability of dropping an element of a prompt (training).
            generator: source of the dropout; None for none.
        """
        if self.prompt_length == 0:
            return None
        if self.mode == "input":
            return frozen.input_kv(byte_dropout(self.prompt, dropout, generator))
        keys = byte_dropout(self.key, dropout, generator)
        values = byte_dropout(self.value, dropout, generator)
        return frozen.deep_kv(keys, values)

    def class_scores(self, logits: Tensor) -> Tensor:
        """Scores of the labels under the learnable verbalizer.

        Args:
            logits: (n, n_rows) of the LM.

        Returns:
            (n, n_labels).
        """
        assert self.label_map is not None
        return logits @ self.label_map.t()
