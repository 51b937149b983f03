"""One split of a corpus as it was read, and the rule for utterances that come twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from bench.errors import DataError
from tasks.corpora.utterance import Utterance


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The utterances of one split.

    Args:
        utterances: in the order of the file.
        skipped: (id, reason) of every utterance that was left out.
        notes: what was done to the content, counted, e.g. {"repeated_lines_dropped": 3}.
    """

    utterances: tuple[Utterance, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)


def without_repeats(utterances: Iterable[Utterance]) -> Split:
    """Keeps the first of every utterance that comes more than once with the same content.

    Raises:
        DataError: if an id comes twice with different content.
    """
    first: dict[str, Utterance] = {}
    notes: Counter[str] = Counter()
    for utterance in utterances:
        known = first.setdefault(utterance.id, utterance)
        if known is utterance:
            continue
        if not _same_content(known, utterance):
            raise DataError(
                f"utterance {utterance.id!r} has another content than at {known.where}",
                where=utterance.where,
                hint="give every utterance an id of its own",
            )
        notes["repeated_lines_dropped"] += 1
    return Split(utterances=tuple(first.values()), notes=notes)


def _same_content(a: Utterance, b: Utterance) -> bool:
    if (a.units is None) != (b.units is None):
        return False
    if a.units is not None and b.units is not None and not np.array_equal(a.units, b.units):
        return False
    return (a.symbols, a.audio, a.start_s, a.end_s, a.speaker, a.language) == (
        b.symbols,
        b.audio,
        b.start_s,
        b.end_s,
        b.speaker,
        b.language,
    )
