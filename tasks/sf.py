"""Slot filling: the text that was said, with its slots marked."""

from __future__ import annotations

from tasks.spec import TaskSpec

SF = TaskSpec(
    name="sf",
    title="Slot filling",
    version="1",
    answer="slot_text",
    slots=(),
    metrics=("slot_type_f1", "slot_value_cer"),
    primary="slot_type_f1",
)
