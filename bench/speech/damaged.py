"""What becomes of damaged audio.

A damaged training utterance is left out, named in the record (`corpus.skipped`). In validation and
test nothing is left out: scores on another test set would not compare, so that is an error, raised
before any training. More than a tenth of damaged training audio is an error too: then something
else is wrong.

Caches are found by the content of audio, so what is wrong names neither utterance nor file, which
may be another corpus's: they come from whoever reads the cache, and are put before it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.speech.audio import DamageError, samples_of, told
from tasks.corpora.corpus import Corpus, SplitName
from tasks.corpora.utterance import Utterance

MOST_DAMAGED = 0.1
"""Share of training utterances that may be left out."""


def audio_or_damage(utterance: Utterance) -> NDArray[np.float32] | str:
    """`read_audio`, or what is wrong with the audio, without the utterance's id and file.

    Raises:
        MissingError: if there is no file.
        DataError: if the utterance has no audio at all.
    """
    try:
        return samples_of(utterance)
    except DamageError as damage:
        return str(damage)


def leave_out(corpus: Corpus, damaged: Iterable[tuple[Utterance, str]]) -> None:
    """Notes damaged training utterances as skipped in the record.

    Args:
        corpus: what they belong to.
        damaged: training utterances and what is wrong with each.

    Raises:
        DataError: if they are more than a tenth.
    """
    found = list(damaged)
    check_few(found, len(corpus.train))
    known = set(corpus.skipped)
    corpus.skipped.extend(entry for u, what in found if (entry := (u.id, what)) not in known)


def check_few(damaged: Sequence[tuple[Utterance, str]], n_train: int) -> None:
    """Raises where too much training audio is damaged to leave it out.

    Raises:
        DataError: if that is more than a tenth of `n_train` utterances.
    """
    if len(damaged) > MOST_DAMAGED * n_train:
        first, what = damaged[0]
        raise DataError(
            f"{len(damaged)} of {n_train} training utterances have damaged audio, "
            f"first {told(first, what)}",
            where=first.where,
            hint="up to a tenth would be left out; check how the corpus was prepared",
        )


def refuse(split: SplitName, damaged: Sequence[tuple[Utterance, str]]) -> None:
    """Raises for damaged audio outside training.

    Raises:
        DataError: naming the first utterances, if there are any.
    """
    if not damaged:
        return
    first, what = damaged[0]
    names = ", ".join(repr(u.id) for u, _ in damaged[:5])
    more = f" and {len(damaged) - 5} more" if len(damaged) > 5 else ""
    name = "validation" if split == "valid" else split
    raise DataError(
        f"damaged audio in the {name} set ({names}{more}): {told(first, what)}",
        where=first.where,
        hint="restore the files, or take their lines out of the manifest: nothing is left out "
        "silently where scores are made",
    )
