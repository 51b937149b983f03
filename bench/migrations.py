"""Records of older versions are brought up to date, step by step, when they are read.

A step takes the JSON content of one version and returns that of the next. What is on disk is never
changed. Whoever raises `CURRENT` adds the step from the version before it to `STEPS`, and a record
of that version to the tests. A new option of a method is a reason to: runs from before it and runs
that leave it alone did the same, and must compare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bench.errors import DataError

Content = dict[str, Any]
Step = Callable[[Content], Content]

CURRENT = 6
"""The version that is written."""

_BEFORE_OPTIONS: Mapping[int, Mapping[str, Content]] = {
    1: {
        "prompt": {"augment": 0, "label_vectors": "lm", "unit_dropout": 0.0, "window": 1.0},
        "finetune-lm": {"augment": 0, "unit_dropout": 0.0, "window": 1.0},
        "bag-of-units": {"augment": 0},
    },
    2: {"prompt": {"mix": 1}, "finetune-lm": {"mix": 1}},
    3: {"prompt": {"scoring": "direct"}},
    4: {},  # `model.precision` is not known, which is its default
    5: {"prompt": {"label_smoothing": 0.0}},
}
"""What held in runs of a version that were made before a method had the option."""


def _with_options(before: Mapping[str, Content], content: Content) -> Content:
    method = content["method"]
    options = {**before.get(method["name"], {}), **method["options"]}
    return {**content, "method": {**method, "options": options}}


STEPS: Mapping[int, Step] = {
    version: partial(_with_options, before) for version, before in _BEFORE_OPTIONS.items()
}
"""Step by the version that it starts from."""


def migrate(
    content: object, where: str, *, steps: Mapping[int, Step] = STEPS, current: int = CURRENT
) -> Content:
    """The content of a record in the current version.

    Args:
        content: parsed JSON.
        where: the file, for messages.
        steps: by the version that they start from.
        current: the version to arrive at.

    Raises:
        DataError: if it is no record, newer than this code, or too old for any step.
    """
    if not isinstance(content, dict):
        raise DataError("record: is not a JSON object", where=where)
    version = content.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise DataError(
            f"schema_version: {'is missing' if version is None else 'is no version'}",
            where=where,
            hint="the file was not written by bench, or was edited",
        )
    if version > current:
        raise DataError(
            f"has schema_version {version}; this version of bench reads {current}",
            where=where,
            hint="use a newer speechprompt-bench",
        )
    for number in range(version, current):
        if number not in steps:
            raise DataError(
                f"has schema_version {version}, and there is no way from {number} to {current}",
                where=where,
                hint="run it anew",
            )
        try:
            content = {**steps[number](content), "schema_version": number + 1}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"cannot be brought from schema_version {number} to {number + 1}: {error!r}",
                where=where,
                hint="the file was not written by bench, or was edited",
            ) from error
    return content
