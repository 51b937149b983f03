"""The table of metrics. A new metric is a module beside this one and a line here."""

from __future__ import annotations

from bench.registry import Registry
from tasks.metrics.accuracy import ACCURACY
from tasks.metrics.error_rates import CER, WER
from tasks.metrics.macro_f1 import MACRO_F1
from tasks.metrics.metric import Metric
from tasks.metrics.slots import SLOT_TYPE_F1, SLOT_VALUE_CER

METRICS: Registry[Metric] = Registry(
    "metric",
    {m.name: m for m in (ACCURACY, MACRO_F1, WER, CER, SLOT_TYPE_F1, SLOT_VALUE_CER)},
    entry_point_group="speechprompt_bench.metrics",
)
