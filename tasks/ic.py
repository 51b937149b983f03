"""Intent classification: what to do, with what, and where; right only if all three are."""

from __future__ import annotations

from tasks.spec import TaskSpec

IC = TaskSpec(
    name="ic",
    title="Intent classification",
    version="1",
    answer="slots",
    slots=("action", "object", "location"),
    metrics=("accuracy", "macro_f1"),
    primary="accuracy",
)
