"""A contender in a process of its own, so that neither side's allocator or caches help the other.

Calls come one at a time; the time is taken inside the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
import re
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from bench.gslm.card import LmShape
from tests.perf.contenders import Kind, Ours, build, prompt_tensors
from tests.perf.gemm import gemm_rate
from tests.perf.reference import Line


class Worker:
    """The near end: asks the process and waits for the answer."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def _ask(self, job: str, *arguments: object) -> Any:
        self.connection.send((job, arguments))
        answer = self.connection.recv()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def take(self, prompt_length: int, corpus: str) -> None:
        """Use fresh prompts of that length."""
        self._ask("take", prompt_length, corpus)

    def train(self, lines: Sequence[Line]) -> float:
        """Seconds of one training step."""
        return float(self._ask("train", lines))

    def classify(self, lines: Sequence[Line]) -> float:
        """Seconds of answering one batch."""
        return float(self._ask("classify", lines))

    def step_bytes(self, lines: Sequence[Line]) -> tuple[int, int]:
        """Memory held before a training step, and the most that the step adds."""
        held, added = self._ask("step_bytes", lines)
        return int(held), int(added)

    def count_flop(self, lines: Sequence[Line]) -> int:
        """Floating-point operations of one of our training steps."""
        return int(self._ask("count_flop", lines))

    def gemm_rate(self, n_tokens: int) -> float:
        """FLOP per second of bare bfloat16 products."""
        return float(self._ask("gemm_rate", n_tokens))


@contextlib.contextmanager
def worker(kind: Kind, shape: LmShape, threads: int) -> Iterator[Worker]:
    """A contender in a fresh process, ended with the block."""
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    process = context.Process(target=_serve, args=(far, kind, shape, threads), daemon=True)
    process.start()
    far.close()
    try:
        yield Worker(near)
    finally:
        near.close()
        process.join(timeout=10)
        if process.is_alive():
            process.terminate()


def _serve(connection: Connection, kind: Kind, shape: LmShape, threads: int) -> None:
    torch.set_num_threads(threads)
    contender = build(kind, shape)

    def seconds(action: Callable[[], object]) -> float:
        began = time.perf_counter()
        action()
        return time.perf_counter() - began

    def answer(job: str, arguments: tuple[Any, ...]) -> object:
        match job, arguments:
            case "take", (length, corpus):
                contender.take(prompt_tensors(shape, length), corpus)
                return None
            case "train", (lines,):
                return seconds(lambda: contender.train(lines))
            case "classify", (lines,):
                return seconds(lambda: contender.classify(lines))
            case "step_bytes", (lines,):
                return resident_bytes(lambda: contender.train(lines))
            case "count_flop", (lines,):
                assert isinstance(contender, Ours)
                return contender.count_flop(lines)
            case "gemm_rate", (n_tokens,):
                return gemm_rate(shape, n_tokens)
        raise ValueError(f"no such job: {job}")

    while True:
        try:
            job, arguments = connection.recv()
        except EOFError:
            return
        try:
            connection.send(answer(job, arguments))
        except Exception as error:
            connection.send(error)


def resident_bytes(action: Callable[[], object]) -> tuple[int, int]:
    """Resident memory before `action`, and how far above that it rises meanwhile.

    Works on Linux: free heap is handed back first, and the kernel's high-water mark is reset.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _status("VmRSS")
    action()
    return before, _status("VmHWM") - before


def _status(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    assert found is not None
    return int(found[1]) * 1024
