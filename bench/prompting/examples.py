"""Utterances as the token sequences that prompting trains on.

Input `</s> u_1 ... u_T <s> y_1 ... y_n`; the output at `<s>` answers y_1, at y_1 answers y_2, and
so on; a sequence task answers `</s>` after y_n.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench import random
from bench.errors import DataError
from bench.gslm.card import BOS, EOS
from bench.gslm.folder import Gslm
from bench.gslm.packing import Packed, length_bucketed, pack
from tasks.corpora.utterance import Utterance

Loss = Literal["labels", "full"]
"""`full`: the paper's loss over the whole vocabulary, from the separator to the final `</s>`;
`labels`: only between the labels that are possible at each place."""


@dataclass(frozen=True)
class Example:
    """One training sequence.

    Attributes:
        tokens: (length,) int64 embedding rows.
        targets: (n_outputs,) int64, the row to answer at each of the last n_outputs tokens.
    """

    tokens: NDArray[np.int64]
    targets: NDArray[np.int64]


class TrainingExamples:
    """The training sequences, each in the versions that it may be trained on.

    Args:
        versions: the sequences of the utterances as they are, then those of every perturbed copy;
            all in the order of the utterances.
    """

    def __init__(self, *versions: Sequence[Example]) -> None:
        self._versions = versions

    def __len__(self) -> int:
        return len(self._versions[0])

    def of_epoch(self, seed: int, epoch: int, mix: int = 1) -> list[Example]:
        """One version of each utterance, drawn anew each epoch; all are equally likely.

        Args:
            seed: the run's.
            epoch: counted from 0.
            mix: see `mixed`; 1: every utterance for itself.
        """
        found = list(self._versions[0])
        if len(self._versions) > 1:
            draws = random.numpy_generator(seed, "tuning", "versions", epoch)
            drawn = draws.integers(len(self._versions), size=len(self))
            found = [self._versions[version][i] for i, version in enumerate(drawn)]
        if mix > 1:
            found = mixed(found, mix, random.numpy_generator(seed, "tuning", "mix", epoch))
        return found


def epoch_batches(
    examples: Sequence[Example], seed: int, epoch: int, *, tokens: int, utterances: int
) -> list[NDArray[np.int64]]:
    """An epoch's batches as indices: similar lengths together, in a new order each epoch.

    Args:
        examples: of the epoch.
        seed: the run's.
        epoch: counted from 0.
        tokens: of a batch at most.
        utterances: of a batch at most.
    """
    lengths = np.array([len(e.tokens) for e in examples])
    generator = random.numpy_generator(seed, "tuning", "epoch", epoch)
    return list(length_bucketed(lengths, tokens, generator, max_utterances=utterances))


class Encoder:
    """Turns utterances into token sequences for one GSLM.

    Args:
        gslm: gives rows and the number of positions.
        notes: counts the utterances that were cut, as `cut_to_max_positions`; each once,
            however often it is encoded.
    """

    def __init__(self, gslm: Gslm, notes: Counter[str]) -> None:
        self.gslm, self.notes = gslm, notes
        self._cut: set[tuple[str, str]] = set()

    def prompt(self, utterance: Utterance, room: int) -> NDArray[np.int64]:
        """`</s> u_1 ... u_T <s>`.

        Args:
            utterance: with units that the GSLM knows.
            room: tokens that must still fit behind it; the units are cut at their end if not.

        Raises:
            DataError: if not even one unit fits.
        """
        if utterance.units is None:
            raise DataError(f"utterance {utterance.id!r} has no units", where=utterance.where)
        most = self.gslm.card.lm.max_positions - 2 - room
        if most < 1:
            raise DataError(
                f"the answer of utterance {utterance.id!r} takes {room} of the LM's "
                f"{self.gslm.card.lm.max_positions} positions: no room for its units",
                where=utterance.where,
            )
        units = utterance.units
        if len(units) > most:
            name = (utterance.where, utterance.id)
            if name not in self._cut:
                self._cut.add(name)
                self.notes["cut_to_max_positions"] += 1
            units = units[:most]
        return np.concatenate([[EOS], self.gslm.rows_of(units), [BOS]])

    def example(
        self, utterance: Utterance, answer: NDArray[np.int64], *, loss: Loss, ends: bool
    ) -> Example:
        """The training sequence of an utterance.

        Args:
            utterance: with units.
            answer: (n,) int64, rows of its labels.
            loss: which outputs are asked for.
            ends: whether `</s>` is part of the answer (sequence tasks).
        """
        if loss == "full":
            tokens = np.concatenate([self.prompt(utterance, len(answer)), answer])
            return Example(tokens, np.concatenate([[BOS], answer, [EOS]]))
        if ends:
            tokens = np.concatenate([self.prompt(utterance, len(answer)), answer])
            return Example(tokens, np.concatenate([answer, [EOS]]))
        tokens = np.concatenate([self.prompt(utterance, len(answer) - 1), answer[:-1]])
        return Example(tokens, answer)


def drawn(
    examples: Sequence[Example], seed: int, step: int, *, unit_dropout: float, window: float
) -> list[Example]:
    """Examples as one training step reads them: without some units, or a stretch of them.

    Args:
        examples: stay as they are.
        seed: the run's.
        step: counted from 0.
        unit_dropout: see `thinned`; 0: none is left out.
        window: see `windowed`; 1: whole.
    """
    found = list(examples)
    if unit_dropout:
        thins = random.numpy_generator(seed, "tuning", "units", step)
        found = [thinned(e, unit_dropout, thins) for e in found]
    if window < 1:
        cuts = random.numpy_generator(seed, "tuning", "windows", step)
        found = [windowed(e, window, cuts) for e in found]
    return found


def thinned(example: Example, dropout: float, generator: np.random.Generator) -> Example:
    """The example without some of its units; label places and order stay.

    The number of units left out depends on their number alone, so equally long examples stay
    equally long, and a batch stays as cheap as it was.

    Args:
        example: stays as it is.
        dropout: share of the units to leave out, 0 to below 1.
        generator: draws which.
    """
    separator = _separator(example)
    n_units = separator - 1
    n_dropped = int(dropout * n_units)
    if n_dropped == 0:
        return example
    dropped = 1 + generator.permutation(n_units)[:n_dropped]
    return Example(np.delete(example.tokens, dropped), example.targets)


def windowed(example: Example, least: float, generator: np.random.Generator) -> Example:
    """The example with a stretch of its units only: any length from `least` on, anywhere.

    Args:
        example: stays as it is.
        least: share of the units in the shortest stretch, above 0 to 1.
        generator: draws length and place.
    """
    separator = _separator(example)
    n_units = separator - 1
    n_kept = max(1, int(n_units * generator.uniform(least, 1)))
    stretch = _stretch(example, n_kept, generator)
    parts = example.tokens[:1], stretch, example.tokens[separator:]
    return Example(np.concatenate(parts), example.targets)


def mixed(examples: Sequence[Example], most: int, generator: np.random.Generator) -> list[Example]:
    """Each example's units in part from others of the same answer.

    An utterance is put together from equally large parts of up to `most` utterances, its own among
    them, each a stretch from anywhere. It is about as long as they are.

    Args:
        examples: stay as they are.
        most: utterances that one is put together from, at least 1.
        generator: draws how many, which, and which stretches.
    """
    alike: dict[tuple[int, ...], list[Example]] = {}
    for example in examples:
        alike.setdefault(tuple(example.targets.tolist()), []).append(example)
    found = []
    for example in examples:
        same = alike[tuple(example.targets.tolist())]
        n_parts = int(generator.integers(1, most + 1))
        others = [same[int(i)] for i in generator.integers(len(same), size=n_parts - 1)]
        stretches = []
        for source in (example, *others):
            n_kept = max(1, (_separator(source) - 1) // n_parts)
            stretches.append(_stretch(source, n_kept, generator))
        parts = example.tokens[:1], *stretches, example.tokens[_separator(example) :]
        found.append(Example(np.concatenate(parts), example.targets))
    return found


def _stretch(example: Example, length: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Rows of `length` units in a row, from anywhere."""
    n_units = _separator(example) - 1
    start = 1 + int(generator.integers(n_units - length + 1))
    return example.tokens[start : start + length]


def _separator(example: Example) -> int:
    """Where `<s>` stands, behind the units."""
    return int(np.flatnonzero(example.tokens == BOS)[-1])


def collate(examples: Sequence[Example]) -> tuple[Packed, Tensor]:
    """A packed batch and its targets.

    Returns:
        The batch, and (n_outputs,) int64 targets in the order of the batch's outputs.
    """
    batch = pack([e.tokens for e in examples], [len(e.targets) for e in examples])
    return batch, torch.from_numpy(np.concatenate([examples[i].targets for i in batch.order]))
