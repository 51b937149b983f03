"""TF-IDF of the runs of units that an utterance holds."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer


def ngram_counter(longest: int, min_count: int) -> TfidfVectorizer:
    """Counts runs of one to `longest` units in texts of `spaced`.

    Args:
        longest: units in the longest run.
        min_count: runs that fewer utterances hold are left out.
    """
    return TfidfVectorizer(
        analyzer="word",
        token_pattern=r"\S+",
        lowercase=False,
        ngram_range=(1, longest),
        min_df=min_count,
        sublinear_tf=True,
    )


def spaced(units: NDArray[Any]) -> str:
    """Units as words of a text."""
    return " ".join(map(str, units.tolist()))
