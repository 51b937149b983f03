"""What a run is and was made with: device, versions, commit, processor, threads, peak memory."""

from __future__ import annotations

import functools
import os
import platform
import resource
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from bench.errors import MissingError
from bench.records import VersionsRecord

DEVICE = r"^(cpu|cuda(:\d+)?)$"
"""What `--device` may be."""

_PACKAGES = (
    "espnet-s3prl",
    "fairseq-fixed",
    "jiwer",
    "numpy",
    "pydantic",
    "safetensors",
    "scikit-learn",
    "speechprompt-bench",
    "torch",
)


def versions() -> VersionsRecord:
    """Python, the packages that can change a result, and the commit of the source."""
    installed = {name: _version(name) for name in _PACKAGES}
    packages = {name: version for name, version in installed.items() if version is not None}
    commit, dirty = git_state()
    return VersionsRecord(
        python=platform.python_version(), packages=packages, commit=commit, dirty=dirty
    )


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


@functools.cache
def git_state() -> tuple[str | None, bool | None]:
    """The commit this package's source is checked out at, and whether tracked files differ.

    Returns:
        (commit, dirty); (None, None) if the package does not lie in a git checkout of its own.
    """
    source = Path(__file__).resolve().parent
    if _git(source, "ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None, None
    commit = _git(source, "rev-parse", "HEAD")
    if commit is None:
        return None, None
    changes = _git(source, "status", "--porcelain", "--untracked-files=no")
    return commit, None if changes is None else bool(changes)


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def check_device(device: str) -> None:
    """Makes sure that this machine has a device.

    Args:
        device: matches `DEVICE`.

    Raises:
        MissingError: if it has not.
    """
    if device == "cpu":
        return
    import torch

    n = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(device.partition(":")[2] or 0) >= n:
        there = f"{n} CUDA device{'' if n == 1 else 's'}" if n else "no CUDA device"
        raise MissingError(
            f"--device {device}: torch finds {there} here",
            hint="leave --device out, or see whether `nvidia-smi` and this torch agree",
        )


def peak_rss_bytes() -> int:
    """The most memory this process has had resident, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def cpu_name() -> str:
    """The processor's model name, or its architecture where the system does not tell."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def n_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads() -> int:
    """Threads that the numeric work of this process may use."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    asked = os.environ.get("OMP_NUM_THREADS", "")
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return int(asked) if asked.isdigit() and int(asked) > 0 else available
