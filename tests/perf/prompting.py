"""`python -m tests.perf.prompting`: the speed of prompt tuning, next to the original's.

Ratios within one run: the contenders take turns, each in a process of its own, on the same real
lines and with the same prompts; medians count. Absolute times depend on the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bench.gslm.card import EOS, LmShape
from tests.perf import reference
from tests.perf.contenders import KINDS, Kind
from tests.perf.lines import real_lines, synthetic_lines
from tests.perf.reference import MAX_UTTERANCES, Line
from tests.perf.worker import Worker, worker

PUBLISHED = LmShape(layers=12, dim=1024, ffn_dim=4096, heads=16, max_positions=2048, n_rows=104)
TINY = LmShape(layers=2, dim=64, ffn_dim=128, heads=4, max_positions=2048, n_rows=104)
MIB = 2**20

Workers = Mapping[Kind, Worker]


class Scale(NamedTuple):
    """How much is measured."""

    utterances: int
    long_prompt: int
    rounds: int
    ours_a_round: int
    unit_steps: tuple[int, ...]
    utterance_steps: tuple[int, ...]


FULL = Scale(MAX_UTTERANCES, 180, 2, 2, (32, 64, 128, 256, 512), (8, 16, 32, 64))
QUICK = Scale(8, 60, 1, 2, (32, 64, 128), (4, 8, 16))


def typical_batch(corpus: str, split: str, n: int) -> list[Line]:
    """Real lines of the batch in the middle of a length-bucketed epoch."""
    lines = real_lines(corpus, split, 3000)
    full = [b for b in reference.batches(lines) if len(b) == MAX_UTTERANCES]
    return [lines[i] for i in full[len(full) // 2]][:n]


def medians(
    workers: Workers, action: Callable[[Worker], float], rounds: int, ours_a_round: int
) -> dict[Kind, float]:
    """Median seconds of each contender; they take turns, ours more often as they are shorter."""
    seconds: dict[Kind, list[float]] = {kind: [] for kind in workers}
    for kind, contender in workers.items():
        if kind != "original":
            action(contender)  # warm
    for _ in range(rounds):
        for kind, contender in workers.items():
            turns = 1 if kind == "original" else ours_a_round
            seconds[kind] += [action(contender) for _ in range(turns)]
    return {kind: statistics.median(found) for kind, found in seconds.items()}


def show(what: str, found: Mapping[Kind, float], unit: str, digits: int = 3) -> None:
    """One row: the original's figure, ours, and how many times less ours are."""
    original = found["original"]
    cells = [f"{original:9.{digits}f} {unit}"]
    cells += [
        f"{found[k]:9.{digits}f} {unit} {original / found[k]:6.1f}x" for k in ("fp32", "bf16")
    ]
    print(f"{what:<46}{'   '.join(cells)}", flush=True)


def speeds(shape: LmShape, threads: int, scale: Scale) -> None:
    """Training steps, classification, and the share of the bare products' rate."""
    with contextlib.ExitStack() as stack:
        workers: dict[Kind, Worker] = {
            kind: stack.enter_context(worker(kind, shape, threads)) for kind in KINDS
        }
        steps = [("ks", 6, scale.rounds + 1), ("ic", 6, scale.rounds)]
        steps.append(("ic", scale.long_prompt, max(1, scale.rounds - 1)))
        for corpus, length, rounds in steps:
            lines = typical_batch(corpus, "train", scale.utterances)
            for contender in workers.values():
                contender.take(length, corpus)
                contender.train(lines[:2])
            found = medians(workers, lambda w: w.train(lines), rounds, scale.ours_a_round)  # noqa: B023
            show(f"training step, {corpus}, P={length}, {_size(lines)}", found, "s")
            _show_repeated(lines)
            _share_of_gemm(workers["bf16"], lines)
        for corpus, length, rounds in (("ks", 3, scale.rounds), ("ic", 6, 1)):
            lines = typical_batch(corpus, "test", scale.utterances)
            for contender in workers.values():
                contender.take(length, corpus)
                contender.classify(lines[:1])
            found = medians(workers, lambda w: w.classify(lines), rounds, 3)  # noqa: B023
            show(f"classification, {corpus}, P={length}, {_size(lines)}", found, "s")
            _show_repeated(lines)
            n = 20 * scale.utterances
            warm, many = (real_lines(corpus, "test", n, seed) for seed in (1, 2))
            rate: dict[Kind, float] = {}
            for kind in ("fp32", "bf16"):
                workers[kind].classify(warm)
                rate[kind] = n / workers[kind].classify(many)
            print(
                f"{'':<4}ours on {n} lines of all lengths: "
                f"{rate['fp32']:.0f} / {rate['bf16']:.0f} utterances a second (fp32 / bf16)"
            )


def _show_repeated(lines: Sequence[Line]) -> None:
    """How much of what is read ours need not compute again."""
    read = [(EOS, *line.units) for line in lines]
    pasts = {units[:end] for units in read for end in range(1, len(units) + 1)}
    share = 1 - len(pasts) / sum(map(len, read))
    print(f"{'':<4}{share:.0%} of the tokens before <s> stand where another line has said the same")


def _share_of_gemm(contender: Worker, lines: Sequence[Line]) -> None:
    """Steps and bare products take turns: a machine's rate changes from minute to minute."""
    n_flop, n_rows = contender.count_flop(lines), sum(len(line.tokens) - 1 for line in lines)
    turns = [(contender.gemm_rate(n_rows), n_flop / contender.train(lines)) for _ in range(3)]
    bare, found = (statistics.median(rates) for rates in zip(*turns, strict=True))
    share = statistics.median(in_step / alone for alone, in_step in turns)
    print(
        f"{'':<4}bf16: {found / 1e9:.0f} GFLOP/s in the step's products, bare products "
        f"{bare / 1e9:.0f} GFLOP/s: {share:.0%}",
        flush=True,
    )


def memory(shape: LmShape, threads: int, scale: Scale) -> None:
    """What one training step needs in a fresh process, beyond what it holds between steps."""
    lines = typical_batch("ic", "train", scale.utterances)
    for length in (6, scale.long_prompt):
        step: dict[Kind, float] = {}
        held: dict[Kind, float] = {}
        for kind in KINDS:
            with worker(kind, shape, threads) as contender:
                contender.take(length, "ic")
                contender.train(lines[:1])  # whatever is made once is there
                held_bytes, step_bytes = contender.step_bytes(lines)
                step[kind], held[kind] = step_bytes / MIB, held_bytes / MIB
        show(f"step memory, ic, P={length}, {_size(lines)}", step, "MiB", 0)
        show("    held between steps, libraries included", held, "MiB", 0)


def linearity(shape: LmShape, threads: int, scale: Scale) -> None:
    """Our cost against the number of units and of utterances; 1 is linear."""
    with worker("bf16", shape, threads) as contender:
        contender.take(6, "ks")
        by_units = [(n, synthetic_lines(8, n)) for n in scale.unit_steps]
        by_utterances = [(n, synthetic_lines(n, 64)) for n in scale.utterance_steps]
        for what, batches in (("units", by_units), ("utterances", by_utterances)):
            for name, action in (("training", contender.train), ("reading", contender.classify)):
                action(batches[0][1])  # warm
                timed = [(n, statistics.median(action(b) for _ in range(3))) for n, b in batches]
                x, y = np.log(np.array(timed, dtype=np.float64)).T
                slope = float(np.polyfit(x, y, 1)[0])
                row = "  ".join(f"{n}: {1e3 * s / n:.2f}" for n, s in timed)
                print(f"{name}, ms for each of n {what}:  {row}   (time ~ n^{slope:.2f})")


def _size(lines: Sequence[Line]) -> str:
    return f"{len(lines)} x {statistics.mean(len(line.units) for line in lines):.0f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.prompting", description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="fewer, shorter measurements")
    parser.add_argument("--tiny", action="store_true", help="a toy LM: shows that it runs")
    parser.add_argument("--only", choices=("speed", "memory", "linearity"))
    chosen = parser.parse_args(arguments)
    shape, scale = TINY if chosen.tiny else PUBLISHED, QUICK if chosen.quick else FULL
    began = time.perf_counter()
    print(f"{shape.n_parameters:,} frozen parameters, {chosen.threads} threads")
    print(f"{'':<46}{'original (fp32)':>11}   {'ours, fp32':>18}   {'ours, bf16':>18}", flush=True)
    parts = {"speed": speeds, "memory": memory, "linearity": linearity}
    for name, measure in parts.items():
        if chosen.only in (None, name):
            measure(shape, chosen.threads, scale)
    print(f"measured in {time.perf_counter() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
