"""Keyword spotting: which of a few words was said, something else, or nothing."""

from __future__ import annotations

from tasks.spec import TaskSpec

KS = TaskSpec(
    name="ks",
    title="Keyword spotting",
    version="1",
    answer="label",
    slots=("label",),
    metrics=("accuracy", "macro_f1"),
    primary="accuracy",
)
