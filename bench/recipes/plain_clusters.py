"""What the encoder is trained to name: clusters of the plain voice's sound.

First clusters of short stretches of it, which say much about where in a sound one is; then
stationary ones, of which a penalty on changes makes about as many a second as there are phones.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from bench.recipes.spoken import Mels, levelled_mels
from bench.speech.kmeans import fit_kmeans
from bench.speech.ssl import POOL

N_CEPSTRA = 16
_FIT_GROUPS = 3000


def stretches(plain: list[Mels], k: int, seed: int) -> list[NDArray[np.int64]]:
    """A cluster every 10 ms, of 90 ms of cepstra around.

    Args:
        plain: log-mel spectra.
        k: clusters.
        seed: of the clustering.

    Returns:
        By group (n_frames,).
    """
    frames = [_around(_cepstra(mels)) for mels in plain]
    fitted = np.concatenate([f[::POOL] for f in frames[:_FIT_GROUPS]])
    kmeans = fit_kmeans(fitted, k, seed)
    return [kmeans.assign(f).astype(np.int64) for f in frames]


def stationary(
    plain: list[Mels], k: int, seed: int, *, penalty: float = 5.0
) -> list[NDArray[np.int64]]:
    """A cluster every 10 ms, of cepstra averaged over 40 ms, where changes cost.

    Args:
        plain: log-mel spectra.
        k: clusters.
        seed: of the clustering.
        penalty: of a change, in mean squared distances to the nearest centroid.

    Returns:
        By group (n_frames,); about 13 changes a second.

    Source: the penalty, Kamper (2022), "Word segmentation on discovered phone units".
    """
    frames = [_pooled(_cepstra(mels)) for mels in plain]
    fitted = np.concatenate(frames[:_FIT_GROUPS])
    centroids = fit_kmeans(fitted, k, seed).centroids
    scale = float(_distances(fitted, centroids).min(axis=1).mean())
    return [
        np.repeat(steadied(_distances(f, centroids) / scale, penalty), POOL)[: len(mels)]
        for f, mels in zip(frames, plain, strict=True)
    ]


def steadied(costs: NDArray[np.float32], penalty: float) -> NDArray[np.int64]:
    """The cheapest sequence of clusters, where each change costs `penalty`.

    Args:
        costs: (n, k) of each cluster at each frame.
        penalty: of a change.

    Returns:
        (n,) by dynamic programming.
    """
    n, k = costs.shape
    best, came_from = costs[0].astype(np.float64), np.empty((n, k), np.int64)
    every = np.arange(k)
    for t in range(1, n):
        cheapest = int(best.argmin())
        change = best[cheapest] + penalty
        came_from[t] = np.where(best <= change, every, cheapest)
        best = np.minimum(best, change) + costs[t]
    path = np.empty(n, np.int64)
    at = int(best.argmin())
    for t in range(n - 1, 0, -1):
        path[t] = at
        at = int(came_from[t, at])
    path[0] = at
    return path


def _cepstra(mels: Mels) -> NDArray[np.float32]:
    cepstra = scipy.fft.dct(levelled_mels(mels), norm="ortho", axis=1)
    return np.asarray(cepstra[:, :N_CEPSTRA], np.float32)


def _around(cepstra: NDArray[np.float32]) -> NDArray[np.float32]:
    padded, n = np.pad(cepstra, ((4, 4), (0, 0)), mode="edge"), len(cepstra)
    return np.concatenate([padded[i : i + n] for i in (0, 2, 4, 6, 8)], axis=1)


def _pooled(cepstra: NDArray[np.float32]) -> NDArray[np.float32]:
    padded = np.pad(cepstra, ((0, -len(cepstra) % POOL), (0, 0)), mode="edge")
    return np.asarray(padded.reshape(-1, POOL, cepstra.shape[1]).mean(axis=1), np.float32)


def _distances(frames: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.float32]:
    squares = (frames**2).sum(axis=1)[:, None] + (centroids**2).sum(axis=1)
    return np.asarray(np.maximum(squares - 2 * frames @ centroids.T, 0), np.float32)
