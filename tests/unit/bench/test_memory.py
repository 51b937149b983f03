from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest
import torch

from bench.memory import keep_freed_memory, ran_out_of_memory

PROGRAM = """
import ctypes, os, sys
from bench.memory import keep_freed_memory
if "keep" in sys.argv:
    assert keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
block = libc.malloc(64 << 20)
ctypes.memset(block, 1, 64 << 20)
libc.free(ctypes.c_void_p(block))
with open("/proc/self/statm") as file:
    print(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
"""


def test_freed_blocks_stay_in_the_process() -> None:
    resident = {}
    for argument in ("keep", "return"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, argument], capture_output=True, text=True, check=True
        )
        resident[argument] = int(done.stdout)
    assert resident["keep"] > resident["return"] + (60 << 20)


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ctypes, "CDLL", lambda name: object())
        assert keep_freed_memory() is False
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False


def test_used_up_memory_is_told_however_torch_says_it() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert ran_out_of_memory(caught.value)
    assert ran_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert ran_out_of_memory(MemoryError())
    assert not ran_out_of_memory(RuntimeError("shapes do not match"))
