"""The two sides of the speed table behind one interface: the original, and ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench.gslm.card import LmShape
from bench.gslm.lm import UnitLM
from bench.memory import keep_freed_memory
from bench.prompting.frozen import FrozenLM
from tests.perf import ours, reference
from tests.perf.lines import ALLOWED
from tests.perf.reference import Line, PromptTensors

Kind = Literal["original", "fp32", "bf16"]
KINDS: tuple[Kind, ...] = ("original", "fp32", "bf16")


class Contender(Protocol):
    """Trains prompts and classifies with them."""

    def take(self, tensors: PromptTensors, corpus: str) -> None:
        """Use these prompts from now on, for the labels of this corpus."""

    def train(self, lines: Sequence[Line]) -> float:
        """One training step on one batch; returns the loss, in nats an output."""

    def classify(self, lines: Sequence[Line]) -> list[list[int]]:
        """The label rows of one batch."""


class Original:
    """fairseq, as the authors used it."""

    def __init__(self, shape: LmShape) -> None:
        self.model = reference.language_model(shape)

    def take(self, tensors: PromptTensors, corpus: str) -> None:
        """See `Contender`."""
        self.tensors, self.allowed = tensors, ALLOWED[corpus]
        self.trainer = reference.Trainer(self.model, tensors)

    def train(self, lines: Sequence[Line]) -> float:
        """See `Contender`."""
        return self.trainer.step(lines) / sum(len(line.labels) + 2 for line in lines)

    def classify(self, lines: Sequence[Line]) -> list[list[int]]:
        """See `Contender`."""
        units = [line.units for line in lines]
        return reference.classify(self.model.eval(), self.tensors, units, self.allowed)[0]


class Ours:
    """This project's prompt tuning, with the loss the original has."""

    def __init__(self, shape: LmShape, dtype: torch.dtype) -> None:
        keep_freed_memory()  # as the method `prompt` does
        lm = UnitLM(shape).reset(torch.Generator().manual_seed(0))
        self.frozen = FrozenLM(lm, dtype)

    def take(self, tensors: PromptTensors, corpus: str) -> None:
        """See `Contender`."""
        self.goal = ours.objective(self.frozen, tensors, ALLOWED[corpus])
        self.tuning = ours.tuning(self.goal, [], Path("nothing-is-written"))

    def train(self, lines: Sequence[Line]) -> float:
        """See `Contender`."""
        return self.tuning.update([ours.example_from(line) for line in lines], 5e-3)

    def classify(self, lines: Sequence[Line]) -> list[list[int]]:
        """See `Contender`."""
        return ours.classify(self.goal, [line.units for line in lines])[0]

    def count_flop(self, lines: Sequence[Line]) -> int:
        """Floating-point operations of the matrix products of one training step."""
        laid_out = {torch.ops.mkldnn._linear_pointwise: _flop_of_linear}
        with FlopCounterMode(display=False, custom_mapping=laid_out) as counter:
            self.train(lines)
        return int(counter.get_total_flops())


def _flop_of_linear(x: Sequence[int], *rest: Any, out_shape: Sequence[int], **_: Any) -> int:
    """Of a product with weights laid out once, which torch does not count: (n, n_in) shapes."""
    del rest
    return 2 * x[0] * x[1] * out_shape[1]


def build(kind: Kind, shape: LmShape) -> Contender:
    """The contender of that name."""
    if kind == "original":
        return Original(shape)
    return Ours(shape, torch.float32 if kind == "fp32" else torch.bfloat16)


def prompt_tensors(shape: LmShape, length: int, seed: int = 0) -> PromptTensors:
    """Random deep prompts; the same for every contender."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator)

    return PromptTensors(
        separator=normal(shape.dim) * shape.dim**-0.5,
        inputs=normal(length, shape.dim),
        key=normal(shape.layers, length, shape.dim),
        value=normal(shape.layers, length, shape.dim),
    )
