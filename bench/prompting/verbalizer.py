"""Which LM row speaks for which label: injective maps from label ids to embedding rows."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench import random
from bench.errors import UsageError
from bench.gslm.folder import Gslm
from tasks.labels import Labels

Name = Literal["frequency", "random", "kmeans", "learnable"]


def unit_frequencies(sequences: list[NDArray[np.int32]], n_units: int) -> NDArray[np.int64]:
    """How often each unit occurs, (n_units,)."""
    return np.bincount(np.concatenate(sequences), minlength=n_units).astype(np.int64)


def verbalize(
    name: Name, labels: Labels, gslm: Gslm, frequencies: NDArray[np.int64], seed: int
) -> NDArray[np.int64]:
    """The embedding row of each label.

    Args:
        name: `frequency` pairs labels and units rank by rank; `random` draws units without
            replacement; `kmeans` clusters the units' embeddings into as many clusters as there
            are labels and gives each label, by frequency, the unit nearest to a centre of its
            own, the largest cluster first; `learnable` trains a map from the LM's outputs to
            labels, and feeds labels back as `frequency` does.
        labels: the label inventory with its counts.
        gslm: gives the units' rows and embeddings.
        frequencies: (n_units,) counts of the units in training.
        seed: of the run.

    Returns:
        (labels.n,) int64, all different.

    Raises:
        UsageError: if there are more labels than units.

    Source: SpeechPrompt (Chang et al. 2022), frequency; v2 (2023), learnable.
    """
    n_units = gslm.card.n_units
    if labels.n > n_units:
        raise UsageError(
            f"{labels.n} labels cannot each have one of {n_units} units",
            hint="choose a GSLM with more units",
        )
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
