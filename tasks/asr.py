"""Speech recognition: the text that was said, character by character."""

from __future__ import annotations

from tasks.spec import TaskSpec

ASR = TaskSpec(
    name="asr",
    title="Speech recognition",
    version="1",
    answer="text",
    slots=(),
    metrics=("wer", "cer"),
    primary="wer",
)
