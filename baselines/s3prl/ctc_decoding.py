"""From CTC scores to labels: the best path, or a beam with an optional word language model.

The beam is flashlight-text's (the decoder that s3prl uses), KenLM's language models are read by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from baselines.s3prl.ctc_model import BLANK
from bench.errors import MissingError, UsageError
from tasks.labels import Labels
from tasks.spelling import SPACE, unspell

Decoder = Callable[[Tensor], list[int]]
"""(n_steps, n_labels + 1) log-probabilities of one utterance -> label ids."""

BEAM_THRESHOLD = 25.0
"""Hypotheses whose score is this much below the best are dropped, as in s3prl."""


@dataclass(frozen=True, kw_only=True)
class BeamSettings:
    """What decides a beam search.

    Attributes:
        beam: hypotheses kept.
        kenlm: ARPA or binary file of a word language model, or None.
        lm_weight: of its score (the decimal logarithm that KenLM gives, as in s3prl).
        word_score: added for every word.
    """

    beam: int
    kenlm: Path | None
    lm_weight: float
    word_score: float


def greedy(scores: Tensor) -> list[int]:
    """The labels on the most probable path: repeats joined, blanks left out."""
    best = torch.unique_consecutive(scores.argmax(dim=-1))
    return [int(output) - 1 for output in best.tolist() if output != BLANK]


def beam_decoder(
    settings: BeamSettings, labels: Labels, answers: Iterable[tuple[str, ...]]
) -> Decoder:
    """A beam search; with a language model over the words of `answers`.

    Args:
        settings: see there.
        labels: the label inventory (one group).
        answers: of the training set: its words are the lexicon.

    Raises:
        MissingError: if flashlight-text or the language model is absent.
        UsageError: if the language model cannot be read.
    """
    try:
        from flashlight.lib.text import decoder as flashlight
    except ModuleNotFoundError as error:
        raise MissingError(
            "beam search needs the package flashlight-text",
            hint="pip install 'speechprompt-bench[decoder]'",
        ) from error
    n_outputs = labels.n + 1
    symbols = labels.groups[0]
    silence = symbols.index(SPACE) + 1 if SPACE in symbols else -1
    shared = {
        "beam_size": settings.beam,
        "beam_size_token": n_outputs,
        "beam_threshold": BEAM_THRESHOLD,
        "lm_weight": settings.lm_weight,
        "sil_score": 0.0,
        "log_add": True,
        "criterion_type": flashlight.CriterionType.CTC,
    }
    search: Any
    if settings.kenlm is None:
        options = flashlight.LexiconFreeDecoderOptions(**shared)
        search = flashlight.LexiconFreeDecoder(options, flashlight.ZeroLM(), silence, BLANK, [])
    else:
        if silence < 0:
            raise UsageError("--kenlm needs texts of several words: training shows no space")
        words = sorted({word for answer in answers for word in _words(answer)})
        dictionary, model = _language_model(settings.kenlm, [unspell(word) for word in words])
        trie = flashlight.Trie(n_outputs, silence)
        start = model.start(False)
        for word in words:
            index = dictionary.get_index(unspell(word))
            _, score = model.score(start, index)
            trie.insert([label + 1 for label in labels.ids(word)], index, score)
        trie.smear(flashlight.SmearingMode.MAX)
        options = flashlight.LexiconDecoderOptions(
            **shared, word_score=settings.word_score, unk_score=-math.inf
        )
        search = flashlight.LexiconDecoder(
            options, trie, model, silence, BLANK, dictionary.get_index("<unk>"), [], False
        )

    def decode(scores: Tensor) -> list[int]:
        emissions = np.ascontiguousarray(scores.float().cpu().numpy())
        found = search.decode(emissions.ctypes.data, *emissions.shape)
        if not found:
            return greedy(scores)
        # The decoder frames its tokens with the silence at the very start and end.
        path = torch.tensor([token for token in found[0].tokens[1:-1] if token >= 0])
        joined = [int(output) - 1 for output in torch.unique_consecutive(path) if output != BLANK]
        edge = silence - 1
        while silence > 0 and joined and joined[-1] == edge:
            joined.pop()
        return joined

    return decode


def _words(answer: Sequence[str]) -> list[tuple[str, ...]]:
    words: list[list[str]] = [[]]
    for symbol in answer:
        if symbol == SPACE:
            words.append([])
        else:
            words[-1].append(symbol)
    return [tuple(word) for word in words if word]


def _language_model(path: Path, words: Sequence[str]) -> tuple[Any, Any]:
    if not path.is_file():
        raise MissingError("there is no such language model", where=str(path))
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    dictionary = Dictionary([*words, "<unk>"])
    dictionary.set_default_index(dictionary.get_index("<unk>"))
    try:
        return dictionary, KenLM(str(path), dictionary)
    except (RuntimeError, ImportError) as error:
        raise UsageError(
            f"the language model cannot be read: {error}",
            where=str(path),
            hint="it must be an ARPA or KenLM binary file; pip install kenlm",
        ) from error
