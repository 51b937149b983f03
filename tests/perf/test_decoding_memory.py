"""What beam search holds at its longest, in a process that keeps freed memory as a run does."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch

from bench.gslm.card import BOS, EOS, N_SPECIALS, LmShape
from bench.gslm.lm import UnitLM
from bench.gslm.packing import pack
from bench.memory import keep_freed_memory
from bench.prompting.cache import Cache
from bench.prompting.frozen import FrozenLM
from tests.perf.worker import resident_bytes

SHAPE = LmShape(layers=8, dim=128, ffn_dim=512, heads=4, max_positions=512, n_rows=104)
UTTERANCES, BEAM, STEPS = 40, 5, 100


def peak_of_endless_hypotheses() -> tuple[int, int]:
    """Bytes that what is added takes, and the most that a search which never ends needs."""
    torch.set_num_threads(1)
    keep_freed_memory()
    rng = np.random.default_rng(0)
    frozen = FrozenLM(UnitLM(SHAPE).reset(torch.Generator().manual_seed(0)), torch.float32)
    units = [rng.integers(N_SPECIALS, SHAPE.n_rows, n) for n in rng.integers(50, 80, UTTERANCES)]
    batch = pack([np.array([EOS, *u, BOS]) for u in units], [1] * UTTERANCES)
    n_rows = UTTERANCES * BEAM
    parents = torch.arange(n_rows) // BEAM * BEAM
    tokens = torch.full((n_rows,), N_SPECIALS)
    caches = []

    def search() -> None:
        _, past = frozen.read(batch, None, None, STEPS * BEAM)
        caches.append(Cache(frozen, past, STEPS, BEAM))
        for _ in range(STEPS):
            caches[0].reorder(parents)
            caches[0].step(tokens, None)

    _, peak = resident_bytes(search)
    return caches[0].added.nbytes, peak


def test_beam_search_holds_little_more_than_what_it_adds() -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        added, peak = process.submit(peak_of_endless_hypotheses).result()
    assert added < peak < 2 * added, f"{peak / 2**20:.0f} MiB for {added / 2**20:.0f} MiB"
