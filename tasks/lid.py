"""Language identification: which language was spoken."""

from __future__ import annotations

from tasks.spec import TaskSpec

LID = TaskSpec(
    name="lid",
    title="Language identification",
    version="1",
    answer="label",
    slots=("label",),
    metrics=("accuracy", "macro_f1"),
    primary="accuracy",
    throughout=True,
)
