"""Fixtures of the whole suite: real data where it is, synthetic units folders everywhere."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from bench.random import numpy_generator

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; the one place of the suite where a test may be skipped."""
    named = os.environ.get("BENCH_SHARED_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        assert named is None, f"BENCH_SHARED_DATA names {named}, which is no folder"
        pytest.skip("../shared/data is not there")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own: none reads or fills the user's."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("BENCH_CACHE", str(folder))
    return folder


class UnitsFolder(Protocol):
    """Makes a units folder and returns its path; see `make_units_folder`."""

    def __call__(
        self,
        task: str = "ks",
        *,
        n_train: int = 120,
        n_valid: int = 40,
        n_test: int = 60,
        n_labels: int = 4,
        seed: int = 0,
        name: str | None = None,
    ) -> Path: ...


@pytest.fixture
def units_folder(tmp_path: Path) -> UnitsFolder:
    """A maker of synthetic units folders under the test's own folder."""

    def make(
        task: str = "ks",
        *,
        n_train: int = 120,
        n_valid: int = 40,
        n_test: int = 60,
        n_labels: int = 4,
        seed: int = 0,
        name: str | None = None,
    ) -> Path:
        folder = tmp_path / (name or f"{task}-units")
        sizes = {"train": n_train, "valid": n_valid, "test": n_test}
        make_units_folder(folder, task, sizes, n_labels=n_labels, seed=seed)
        return folder

    return make


def make_units_folder(
    folder: Path, task: str, sizes: Mapping[str, int], *, n_labels: int, seed: int
) -> None:
    """Writes a units folder in which every label has unit motifs of its own.

    Units follow a random walk over 100 units; every symbol of the answer (a label of a slot, a
    character of a text) puts its motif of four units somewhere in its share of the utterance. So
    a bag of n-grams can learn the labels, and so can a sequence model. No unit comes twice in a
    row, as after deduplication.

    Args:
        folder: where to.
        task: `ks` or `lid` (one label), `ic` (three), `asr` (a text of two words).
        sizes: utterances a split.
        n_labels: labels a slot, or characters.
        seed: of everything random.
    """
    folder.mkdir(parents=True)
    n_slots = {"ks": 1, "lid": 1, "ic": 3, "asr": 2}[task]
    random = numpy_generator(seed, "motifs")
    motifs = random.permutation(100)[: 4 * n_labels * n_slots].reshape(n_slots, n_labels, 4)
    for split, n in sizes.items():
        random = numpy_generator(seed, "utterances", split)
        lines = []
        for i in range(n):
            # Every label comes up in training; the later ones are a little rarer.
            answer = [min(int(random.integers(n_labels + s)), n_labels - 1) for s in range(n_slots)]
            if split == "train" and i < n_labels:
                answer = [i] * n_slots
            units: list[int] = []
            for slot, label in enumerate(answer):
                units += _walk(random, int(random.integers(2, 6)))
                units += motifs[slot, label].tolist()
            units += _walk(random, int(random.integers(2, 6)))
            kept = [units[0]]
            kept += [b for a, b in itertools.pairwise(units) if a != b]
            words_of = [" ".join("abcdefghij"[a] * 2) if task == "asr" else str(a) for a in answer]
            labels = (" | " if task == "asr" else " ").join(words_of)
            lines.append(f"{split}/{i:05d}.wav|{' '.join(map(str, kept))}|{labels}\n")
        (folder / f"{split}.txt").write_text("".join(lines), encoding="utf-8")


def _walk(random: np.random.Generator, n: int) -> list[int]:
    steps = random.integers(1, 8, size=n)
    return [int(unit) for unit in (random.integers(100) + steps.cumsum()) % 100]


BenchCommand = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def bench_environment(cache: Path) -> dict[str, str]:
    """The environment of a `bench` process: this source tree, one thread, the test's cache."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "BENCH_CACHE": str(cache),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "COLUMNS": "100",
    }


@pytest.fixture
def bench(tmp_path: Path, bench_environment: dict[str, str]) -> BenchCommand:
    """Runs the real command line in a process of its own, in the test's folder."""

    def run(
        *arguments: str | Path, check: int | None = 0, before: Callable[[], None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            bench_process(arguments),
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=bench_environment,
            timeout=300,
            preexec_fn=before,
            check=False,
        )
        if check is not None:
            assert done.returncode == check, done.stderr
        return done

    return run


def bench_process(arguments: Sequence[str | Path]) -> list[str]:
    """The command of a `bench` process."""
    return [sys.executable, "-W", "error", "-m", "bench", *map(str, arguments)]


SAVING_ALWAYS = """
import sys
import baselines.fitting
from bench.cli import main
baselines.fitting.SAVE_EVERY_S = 0.0
sys.exit(main())
"""
"""`bench`, whose trainings write a checkpoint after their first round already, however fast the
machine is."""


def kill_at_a_checkpoint(
    arguments: Sequence[str | Path], out: Path, environment: dict[str, str]
) -> None:
    """Starts a run that is to lie in `out`, and kills it once there is a checkpoint."""
    command = [sys.executable, "-W", "error", "-c", SAVING_ALWAYS, *map(str, arguments), "--quiet"]
    killed = subprocess.Popen(command, cwd=out.parent, env=environment)
    started = time.monotonic()
    while not list(out.glob("*/checkpoint/*.safetensors")):
        assert time.monotonic() - started < 120
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
