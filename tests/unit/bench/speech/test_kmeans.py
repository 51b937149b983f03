from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from sklearn.cluster import KMeans as SklearnKMeans

from bench.errors import CheckpointError, DataError, MissingError
from bench.random import numpy_generator
from bench.speech.kmeans import KMeans, fit_kmeans, load_kmeans, save_kmeans


def test_assigns_as_scikit_learn_does() -> None:
    random = numpy_generator(0, "frames")
    frames = random.normal(size=(3000, 26)).astype(np.float32)
    reference = SklearnKMeans(n_clusters=100, n_init=1, max_iter=5, random_state=0).fit(frames)
    ours = KMeans(reference.cluster_centers_.astype(np.float32))
    unseen = random.normal(size=(5000, 26)).astype(np.float32)
    assert np.array_equal(ours.assign(unseen), reference.predict(unseen))


def test_finds_clusters_the_same_for_a_seed() -> None:
    random = numpy_generator(1, "frames")
    centres = 10 * random.normal(size=(5, 3))
    labels = random.integers(5, size=500)
    frames = (centres[labels] + 0.1 * random.normal(size=(500, 3))).astype(np.float32)
    found = fit_kmeans(frames, 5, seed=3)
    units = found.assign(frames)
    assert len({(a, b) for a, b in zip(labels.tolist(), units.tolist(), strict=True)}) == 5
    assert np.array_equal(found.centroids, fit_kmeans(frames, 5, seed=3).centroids)
    with pytest.raises(DataError, match="too few"):
        fit_kmeans(frames[:4], 5, seed=3)


def test_a_file_and_its_faults(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="k-means"):
        load_kmeans(tmp_path)
    kmeans = KMeans(np.eye(3, dtype=np.float32))
    save_kmeans(tmp_path, kmeans)
    assert np.array_equal(load_kmeans(tmp_path).centroids, kmeans.centroids)
    file = tmp_path / "kmeans.safetensors"
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_kmeans(tmp_path)
    save_file({"centroids": np.full((2, 2), np.nan, np.float32)}, file)
    with pytest.raises(CheckpointError, match="not finite"):
        load_kmeans(tmp_path)
    save_file({"centers": np.eye(2, dtype=np.float32)}, file)
    with pytest.raises(CheckpointError, match="centroids alone"):
        load_kmeans(tmp_path)
    with pytest.raises(CheckpointError, match="do not belong together"):
        kmeans.assign(np.zeros((1, 4), np.float32))
