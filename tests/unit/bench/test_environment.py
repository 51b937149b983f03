from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from bench import environment
from bench.errors import MissingError


def test_versions_name_python_and_packages() -> None:
    versions = environment.versions()
    assert versions.python.count(".") == 2
    assert versions.packages["numpy"] == np.__version__


def test_git_state_tells_commit_and_dirt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "bench" / "environment.py"
    source.parent.mkdir()
    source.write_text("x = 1\n")
    monkeypatch.setattr(environment, "__file__", str(source))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    fresh = environment.git_state.__wrapped__
    assert fresh() == (None, None), "not in a checkout"

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init")
    assert fresh() == (None, None), "in a checkout, but not part of it"
    git("add", ".")
    git("commit", "-m", "x")
    assert fresh() == (git("rev-parse", "HEAD"), False)
    source.write_text("x = 2\n")
    assert fresh() == (git("rev-parse", "HEAD"), True)


def test_peak_memory_is_in_bytes_and_only_grows() -> None:
    before = environment.peak_rss_bytes()
    block = np.ones(60_000_000 // 8)
    after = environment.peak_rss_bytes()
    assert block.nbytes == 60_000_000
    assert 10_000_000 < before <= after < 1 << 40


def test_threads_and_processor_are_known() -> None:
    assert environment.threads() >= 1
    assert environment.cpu_name()


def test_devices_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    environment.check_device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MissingError, match="--device cuda: torch finds no CUDA device here"):
        environment.check_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    environment.check_device("cuda:1")
    with pytest.raises(MissingError, match="--device cuda:2: torch finds 2 CUDA devices here"):
        environment.check_device("cuda:2")
