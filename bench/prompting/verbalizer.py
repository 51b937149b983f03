"""Which LM row speaks for which label: injective maps from label ids to embedding rows."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench import random
from bench.errors import UsageError
from bench.gslm.folder import Gslm
from bench.prompting.alignment import aligned_units
from tasks.labels import Labels

Name = Literal["frequency", "random", "kmeans", "alignment", "learnable"]


def unit_frequencies(sequences: list[NDArray[np.int32]], n_units: int) -> NDArray[np.int64]:
    """How often each unit occurs, (n_units,)."""
    return np.bincount(np.concatenate(sequences), minlength=n_units).astype(np.int64)


class Spelt(NamedTuple):
    """Training utterances whose answers are sequences: units, and label ids, of each."""

    units: list[NDArray[np.int32]]
    labels: list[NDArray[np.int64]]


def verbalize(
    name: Name,
    labels: Labels,
    gslm: Gslm,
    frequencies: NDArray[np.int64],
    seed: int,
    spelt: Spelt | None = None,
) -> NDArray[np.int64]:
    """The embedding row of each label.

    Args:
        name: `frequency` pairs labels and units rank by rank; `random` draws units without
            replacement; `kmeans` clusters the units' embeddings into as many clusters as there
            are labels and gives each label, by frequency, the unit nearest to a centre of its
            own, the largest cluster first; `alignment` gives each label the unit that it stands
            beside in training (sequence tasks); `learnable` trains a map from the LM's outputs
            to labels, and feeds labels back as `alignment` does in sequences, else as
            `frequency`.
        labels: the label inventory with its counts.
        gslm: gives the units' rows and embeddings.
        frequencies: (n_units,) counts of the units in training.
        seed: of the run.
        spelt: what `alignment` goes by; None for label tasks.

    Returns:
        (labels.n,) int64, all different.

    Raises:
        UsageError: if there are more labels than units, or no sequences for `alignment`.

    Source: SpeechPrompt (Chang et al. 2022), frequency; v2 (2023), learnable.
    """
    n_units = gslm.card.n_units
    if labels.n > n_units:
        raise UsageError(
            f"{labels.n} labels cannot each have one of {n_units} units",
            hint="choose a GSLM with more units",
        )
    if name == "alignment" and spelt is None:
        raise UsageError(
            "--verbalizer alignment goes along sequences",
            hint="choose frequency, random, kmeans or learnable for a label task",
        )
    if spelt is not None and name in ("alignment", "learnable"):
        found = aligned_units(spelt.units, spelt.labels, n_units, labels.n)
        return gslm.rows_of(found.astype(np.int32))
    counts = np.array([count for group in labels.counts for count in group])
    label_rank = np.argsort(-counts, kind="stable")
    if name == "random":
        units = random.numpy_generator(seed, "verbalizer").permutation(n_units)[: labels.n]
    elif name == "kmeans":
        units = _spread_units(gslm, frequencies, labels.n, seed)
    else:
        units = np.argsort(-frequencies, kind="stable")[: labels.n]
    rows = np.empty(labels.n, np.int64)
    rows[label_rank] = gslm.rows_of(units.astype(np.int32))
    return rows


def _spread_units(
    gslm: Gslm, frequencies: NDArray[np.int64], n: int, seed: int
) -> NDArray[np.int64]:
    """`n` different units that lie far apart, largest cluster first."""
    from sklearn.cluster import KMeans

    every = np.arange(gslm.card.n_units, dtype=np.int32)
    vectors = gslm.lm.embed.weight.detach().cpu().numpy()[gslm.rows_of(every)].astype(np.float64)
    state = int(random.numpy_generator(seed, "verbalizer").integers(2**31))
    found = KMeans(n_clusters=n, n_init=4, random_state=state).fit(vectors)
    size = np.bincount(found.labels_, weights=frequencies, minlength=n)
    free = np.ones(len(every), bool)
    chosen = []
    for cluster in np.argsort(-size, kind="stable"):
        distance = ((vectors - found.cluster_centers_[cluster]) ** 2).sum(axis=1)
        distance[~free] = np.inf
        chosen.append(int(distance.argmin()))
        free[chosen[-1]] = False
    return np.array(chosen)
