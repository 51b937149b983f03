"""The table of tasks. A new task is a module beside this one and a line here."""

from __future__ import annotations

from bench.registry import Registry
from tasks.asr import ASR
from tasks.ic import IC
from tasks.ks import KS
from tasks.lid import LID
from tasks.sf import SF
from tasks.spec import TaskSpec

TASKS: Registry[TaskSpec] = Registry(
    "task",
    {spec.name: spec for spec in (KS, IC, LID, ASR, SF)},
    entry_point_group="speechprompt_bench.tasks",
)
