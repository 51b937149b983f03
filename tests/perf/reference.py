"""SpeechPrompt on fairseq, as its authors ran it: what speed and parity are measured against.

fairseq's own modules do the work: `TransformerDecoder`, its `MultiheadAttention`, its batching by
size, its cross entropy and its `SequenceGenerator`. The prompts are injected as the paper
describes, and as the paper's code pays for them: P positions stand before the tokens in every
layer, batches are padded, logits are computed for every position, and generation recomputes the
whole prefix at every step, one forced prefix token at a time. The prompts are handed in, so that
both sides of a comparison start from the same ones.

Source: Chang et al. 2022 (arXiv 2203.16773), sections 3.2 and 4; fairseq 0.12.
"""

from __future__ import annotations

import logging
import warnings
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from bench.gslm.card import BOS, EOS, N_SPECIALS, PAD, LmShape

logging.disable(logging.INFO)  # fairseq recommends tensorboardX
with warnings.catch_warnings():  # importing fairseq scripts functions, which torch deprecates
    warnings.simplefilter("ignore")
    from fairseq import search
    from fairseq.data import Dictionary, data_utils
    from fairseq.models.transformer import Embedding, TransformerDecoder
    from fairseq.models.transformer_lm import TransformerLanguageModel, transformer_lm_big
    from fairseq.modules import MultiheadAttention, TransformerDecoderLayer
    from fairseq.sequence_generator import SequenceGenerator

logging.disable(logging.NOTSET)

PROMPT_DROPOUT = 0.1
MAX_TOKENS, MAX_UTTERANCES = 4096, 32
"""The paper's batches."""


class Line(NamedTuple):
    """An utterance as embedding rows: its units and its label units."""

    units: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def tokens(self) -> list[int]:
        """`</s> u_1 ... u_T <s> y_1 ... y_n </s>`: input and target, one apart."""
        return [EOS, *self.units, BOS, *self.labels, EOS]


@dataclass(frozen=True, kw_only=True)
class PromptTensors:
    """Prompts for both sides.

    Attributes:
        separator: (dim,), stands for the embedding of `<s>` before it is scaled.
        inputs: (P, dim), before the tokens at the first layer, without positions.
        key: (layers, P, dim) key inputs, or None for input prompts only.
        value: (layers, P, dim) value inputs, or None.
    """

    separator: Tensor
    inputs: Tensor
    key: Tensor | None = None
    value: Tensor | None = None


class PromptedLayer(TransformerDecoderLayer):  # type: ignore[misc]
    """fairseq's layer, with the first P key and value inputs replaced."""

    def build_self_attention(
        self,
        embed_dim: int,
        args: Namespace,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
    ) -> nn.Module:
        """Attention that projects the keys and values it is given, not the queries."""
        attention: nn.Module = MultiheadAttention(
            embed_dim, args.decoder_attention_heads, self_attention=False
        )
        return attention

    def prompted(
        self, x: Tensor, key: Tensor | None, value: Tensor | None, mask: Tensor, padding: Tensor
    ) -> Tensor:
        """The layer on (P + time, batch, dim), with this layer's (P, dim) key and value inputs."""
        normed = self.self_attn_layer_norm(x)
        keys = values = normed
        if key is not None and value is not None:
            n, batch = len(key), x.shape[1]
            keys = torch.cat([key[:, None].expand(-1, batch, -1), normed[n:]])
            values = torch.cat([value[:, None].expand(-1, batch, -1), normed[n:]])
        mixed, _ = self.self_attn(
            query=normed,
            key=keys,
            value=values,
            key_padding_mask=padding,
            attn_mask=mask,
            need_weights=False,
        )
        x = x + self.dropout_module(mixed)
        hidden = self.activation_fn(self.fc1(self.final_layer_norm(x)))
        result: Tensor = x + self.dropout_module(self.fc2(hidden))
        return result


class PromptedDecoder(TransformerDecoder):  # type: ignore[misc]
    """fairseq's decoder with prompts before the sequence."""

    prompts: PromptTensors | None = None
    prompt_dropout: float = PROMPT_DROPOUT

    def build_decoder_layer(self, args: Namespace, no_encoder_attn: bool = False) -> nn.Module:
        """A layer that takes prompts."""
        return PromptedLayer(args, no_encoder_attn)

    def forward(
        self, prev_output_tokens: Tensor, incremental_state: object = None, **_: object
    ) -> tuple[Tensor, dict[str, Any]]:
        """Logits at every token position; `incremental_state` is ignored, as in the original.

        Args:
            prev_output_tokens: (batch, time) int64, padded on the right.
            incremental_state: not used.

        Returns:
            (batch, time, rows) logits, and fairseq's dictionary of extras.
        """
        tokens = prev_output_tokens
        if self.prompts is None:
            logits, extra = super().forward(tokens)
            return logits, {"attn": extra["attn"]}
        batch, time = tokens.shape
        drop = self.prompt_dropout if self.training else 0.0
        inputs = F.dropout(self.prompts.inputs, drop)
        n = len(inputs)
        separator = self.prompts.separator.expand(batch, time, -1)
        embedded = torch.where((tokens == BOS)[..., None], separator, self.embed_tokens(tokens))
        x = self.embed_scale * embedded + self.embed_positions(tokens)
        x = torch.cat([inputs[:, None].expand(-1, batch, -1), x.transpose(0, 1)])
        mask = torch.ones(n + time, n + time, dtype=torch.bool).triu(1)
        padding = F.pad(tokens == PAD, (n, 0), value=False)
        for index, layer in enumerate(self.layers):
            key = value = None
            if self.prompts.key is not None and self.prompts.value is not None:
                key = F.dropout(self.prompts.key[index], drop)
                value = F.dropout(self.prompts.value[index], drop)
            x = layer.prompted(x, key, value, mask, padding)
        x = self.layer_norm(x)[n:].transpose(0, 1)
        return self.output_layer(x), {"attn": [None]}


def dictionary(n_units: int) -> Any:
    """fairseq's dictionary of the units 0 .. n_units - 1, in order."""
    symbols = Dictionary()
    for unit in range(n_units):
        symbols.add_symbol(str(unit))
    return symbols


def language_model(shape: LmShape, seed: int = 0, gain: float = 1.0) -> Any:
    """fairseq's transformer_lm of any shape, with random weights, frozen.

    Args:
        shape: of the LM.
        seed: of the weights.
        gain: factor of the layers' matrices; above 1, what was read matters more.

    Returns:
        A `TransformerLanguageModel` in evaluation mode.
    """
    args = Namespace(
        decoder_layers=shape.layers,
        decoder_embed_dim=shape.dim,
        decoder_ffn_embed_dim=shape.ffn_dim,
        decoder_attention_heads=shape.heads,
        max_target_positions=shape.max_positions,
        share_decoder_input_output_embed=True,
        dropout=0.0,
    )
    transformer_lm_big(args)
    symbols = dictionary(shape.n_rows - N_SPECIALS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # fairseq initialises from the global generator
        embedding = Embedding(shape.n_rows, shape.dim, PAD)
        decoder = PromptedDecoder(args, symbols, embedding, no_encoder_attn=True)
        model = TransformerLanguageModel(decoder)
        with torch.no_grad():  # norms and biases that matter, so that parity can fail
            for name, parameter in model.named_parameters():
                if parameter.dim() == 1:
                    parameter.add_(0.05 * torch.randn_like(parameter))
                elif ".layers." in name:
                    parameter.mul_(gain)
    return model.requires_grad_(False).eval()


def batches(lines: Sequence[Line]) -> list[list[int]]:
    """Indices in fairseq's batches: by size, at most 32 utterances and 4096 tokens."""
    sizes = np.array([len(line.tokens) - 1 for line in lines])
    order = np.argsort(sizes, kind="stable")
    return [
        [int(i) for i in batch]
        for batch in data_utils.batch_by_size(
            order,
            lambda i: sizes[i],
            num_tokens_vec=sizes[order],
            max_tokens=MAX_TOKENS,
            max_sentences=MAX_UTTERANCES,
        )
    ]


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """Rows of rows as (batch, time) int64, padded on the right with `<pad>`."""
    tensor: Tensor = data_utils.collate_tokens([torch.tensor(list(row)) for row in rows], PAD)
    return tensor


def targets(lines: Sequence[Line]) -> Tensor:
    """(batch, time) int64: the separator, the labels and `</s>`; `<pad>` at every other place."""
    return padded([[PAD] * len(line.units) + line.tokens[len(line.units) + 1 :] for line in lines])


def loss(model: Any, lines: Sequence[Line]) -> Tensor:
    """Sum of the cross entropy over the positions from `<s>` on, of one padded batch."""
    net_output = model(padded([line.tokens[:-1] for line in lines]))
    log_probs = model.get_normalized_probs(net_output, log_probs=True)
    return F.nll_loss(
        log_probs.view(-1, log_probs.shape[-1]),
        targets(lines).view(-1),
        ignore_index=PAD,
        reduction="sum",
    )


def label_log_probs(model: Any, lines: Sequence[Line]) -> list[Tensor]:
    """Log-probabilities at the positions that predict `<s>`, the labels and `</s>`.

    Returns:
        A (n_labels + 2, rows) tensor a line.
    """
    net_output = model(padded([line.tokens[:-1] for line in lines]))
    log_probs = model.get_normalized_probs(net_output, log_probs=True)
    return [
        log_probs[i, len(line.units) : len(line.units) + len(line.labels) + 2]
        for i, line in enumerate(lines)
    ]


class Trainer:
    """The original's training step: forward, backward, clip, Adam, on one padded batch.

    Args:
        model: of `language_model`.
        prompts: tuned in place.
        lr: learning rate.
        dropout: of the prompts.
    """

    def __init__(
        self,
        model: Any,
        prompts: PromptTensors,
        *,
        lr: float = 5e-3,
        dropout: float = PROMPT_DROPOUT,
    ) -> None:
        self.model = model
        self.parameters = [
            tensor.requires_grad_(True)
            for tensor in (prompts.separator, prompts.inputs, prompts.key, prompts.value)
            if tensor is not None
        ]
        model.decoder.prompts = prompts
        model.decoder.prompt_dropout = dropout
        self.optimizer = torch.optim.Adam(self.parameters, lr=lr, betas=(0.9, 0.98))

    def step(self, lines: Sequence[Line]) -> float:
        """One update on one batch; returns the loss, summed."""
        self.model.train()
        self.optimizer.zero_grad()
        value = loss(self.model, lines)
        torch.autograd.backward(value)
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        return float(value.detach())


class LabelSearch(search.BeamSearch):  # type: ignore[misc]
    """fairseq's beam search, restricted after `<s>` to the rows of the slot, then to `</s>`.

    Log-probabilities are those among the allowed rows.
    """

    def __init__(self, symbols: Any, allowed: Sequence[Sequence[int]]) -> None:
        super().__init__(symbols)
        self.allowed = [torch.tensor(list(rows)) for rows in allowed] + [torch.tensor([EOS])]

    def step(
        self,
        step: int,
        lprobs: Tensor,
        scores: Tensor,
        prev_output_tokens: Tensor | None = None,
        original_batch_idxs: Tensor | None = None,
    ) -> Any:
        """fairseq's step on restricted log-probabilities."""
        assert prev_output_tokens is not None
        done = (prev_output_tokens == BOS).cumsum(1).sum(1)  # tokens from <s> on
        for row, n in enumerate(done.tolist()):
            if n:
                kept = self.allowed[min(n, len(self.allowed)) - 1]
                masked = torch.full_like(lprobs[row], float("-inf"))
                masked[:, kept] = lprobs[row][:, kept].log_softmax(-1)
                lprobs[row] = masked
        return super().step(step, lprobs, scores, prev_output_tokens, original_batch_idxs)


def classify(
    model: Any,
    prompts: PromptTensors,
    units: Sequence[Sequence[int]],
    allowed: Sequence[Sequence[int]],
) -> tuple[list[list[int]], list[float]]:
    """Greedy labels as the original finds them, on one batch.

    Args:
        model: of `language_model`.
        prompts: the tuned prompts.
        units: embedding rows of each utterance's units.
        allowed: for every label of the answer, the rows it may take.

    Returns:
        The label rows of each utterance, and the log-probability of its labels among the allowed.
    """
    model.decoder.prompts = prompts
    symbols = model.decoder.dictionary
    longest = max(len(u) for u in units) + 1
    generator = SequenceGenerator(
        [model],
        symbols,
        beam_size=1,
        max_len_b=longest + len(allowed) + 1,
        search_strategy=LabelSearch(symbols, allowed),
    )
    prefix = padded([[*u, BOS] for u in units])
    sample = {"net_input": {"src_tokens": prefix}}
    found = generator.generate([model], sample, prefix_tokens=prefix, bos_token=EOS)
    rows, scores = [], []
    for u, hypotheses in zip(units, found, strict=True):
        best, begin = hypotheses[0], len(u) + 1
        rows.append(best["tokens"][begin : begin + len(allowed)].tolist())
        scores.append(float(best["positional_scores"][begin : begin + len(allowed)].sum()))
    return rows, scores
