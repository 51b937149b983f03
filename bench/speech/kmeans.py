"""Frames to unit ids: the nearest of k centroids."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from bench.errors import CheckpointError, DataError, MissingError
from bench.files import write_atomic

FILE = "kmeans.safetensors"


@dataclass(frozen=True, eq=False)
class KMeans:
    """A fitted k-means.

    Args:
        centroids: (k, dim) float32.
    """

    centroids: NDArray[np.float32]

    def assign(self, frames: NDArray[np.float32]) -> NDArray[np.int32]:
        """The nearest centroid of each frame, the first of equals.

        Args:
            frames: (n, dim).

        Returns:
            (n,) int32.

        Source: scikit-learn's KMeans.predict.
        """
        if frames.shape[1] != self.centroids.shape[1]:
            raise CheckpointError(
                f"frames have {frames.shape[1]} dimensions, centroids {self.centroids.shape[1]}",
                hint="encoder and k-means do not belong together",
            )
        # |x - c|^2 without |x|^2, which is the same for all centroids.
        distances = (self.centroids**2).sum(axis=1) - 2 * frames @ self.centroids.T
        return np.asarray(distances.argmin(axis=1), np.int32)


def fit_kmeans(frames: NDArray[np.float32], k: int, seed: int) -> KMeans:
    """Fits k centroids with scikit-learn's mini-batch k-means.

    Args:
        frames: (n, dim), n >= k.
        k: number of units.
        seed: decides start and batches.

    Raises:
        DataError: if there are fewer frames than units.
    """
    from sklearn.cluster import MiniBatchKMeans

    if len(frames) < k:
        raise DataError(f"{len(frames)} frames are too few for {k} units")
    found = MiniBatchKMeans(
        n_clusters=k, random_state=seed % 2**32, batch_size=4096, n_init=3, max_iter=60
    ).fit(frames)
    return KMeans(found.cluster_centers_.astype(np.float32))


def save_kmeans(folder: Path, kmeans: KMeans) -> None:
    """Writes `kmeans.safetensors` into a folder.

    Raises:
        StorageError: if it cannot be written.
    """
    write_atomic(folder / FILE, save({"centroids": np.ascontiguousarray(kmeans.centroids)}))


def load_kmeans(folder: Path) -> KMeans:
    """Reads `kmeans.safetensors`.

    Raises:
        MissingError: if there is none.
        CheckpointError: if it is damaged or holds anything else.
    """
    path = folder / FILE
    if not path.is_file():
        raise MissingError("the k-means of the encoder is missing", where=str(path))
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"cannot be read: {error}", where=str(path)) from error
    centroids = tensors.get("centroids")
    if set(tensors) != {"centroids"} or centroids is None or centroids.ndim != 2:
        raise CheckpointError("does not hold (k, dim) centroids alone", where=str(path))
    if not len(centroids) or not np.isfinite(centroids).all():
        raise CheckpointError("holds centroids that are not finite, or none", where=str(path))
    return KMeans(centroids.astype(np.float32))
