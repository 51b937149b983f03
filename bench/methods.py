"""The visible table of methods. Importing it imports no method.

Another distribution adds a method by an entry point in the group `speechprompt_bench.methods`
that names a `MethodEntry`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from bench.errors import MissingError
from bench.registry import Registry

if TYPE_CHECKING:
    from bench.method import Method


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodEntry:
    """Where a method is and what it needs.

    Attributes:
        path: "module:Class".
        summary: one line for `bench list methods`.
        needs: which frozen model it stands on, if any.
        units: whether it works on units, so that audio has to become units first.
        extra: the extra of this distribution that its imports come from.
    """

    path: str
    summary: str
    needs: tuple[Literal["gslm", "upstream"], ...] = ()
    units: bool = False
    extra: str | None = None

    def load(self) -> type[Method]:
        """Imports the method's class.

        Raises:
            MissingError: if a package of others that it imports is not installed.
        """
        module, _, name = self.path.partition(":")
        try:
            return cast("type[Method]", getattr(importlib.import_module(module), name))
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] == module.partition(".")[0]:
                raise
            wanted = f"speechprompt-bench[{self.extra}]" if self.extra else error.name
            raise MissingError(
                f"the package {error.name!r} is not installed",
                where=self.path,
                hint=f"pip install '{wanted}'",
            ) from error


METHODS: Registry[MethodEntry] = Registry(
    "method",
    {
        "prompt": MethodEntry(
            path="bench.prompting.method:PromptMethod",
            summary="prompt tuning on a frozen GSLM",
            needs=("gslm",),
            units=True,
        ),
        "s3prl": MethodEntry(
            path="baselines.s3prl.method:S3prlMethod",
            summary="SUPERB's downstream model on a frozen s3prl upstream",
            needs=("upstream",),
            extra="s3prl",
        ),
        "s3prl-finetune": MethodEntry(
            path="baselines.s3prl.finetune:S3prlFinetune",
            summary="SUPERB's downstream model, the s3prl upstream trained with it",
            needs=("upstream",),
            extra="s3prl",
        ),
        "finetune-lm": MethodEntry(
            path="baselines.finetune_lm:FinetuneLm",
            summary="the whole GSLM trained to answer, without prompts",
            needs=("gslm",),
            units=True,
        ),
        "linear-probe": MethodEntry(
            path="baselines.linear_probe:LinearProbe",
            summary="a linear classifier on the hidden states of a frozen GSLM",
            needs=("gslm",),
            units=True,
        ),
        "bag-of-units": MethodEntry(
            path="baselines.bag_of_units:BagOfUnits",
            summary="control: logistic regression on TF-IDF of unit 1-3-grams",
            units=True,
        ),
        "majority": MethodEntry(
            path="baselines.majority:Majority",
            summary="control: the most frequent training answer, the floor of every table",
        ),
    },
    "speechprompt_bench.methods",
)
