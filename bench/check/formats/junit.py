"""JUnit's XML, which most CI systems show: a test case for each thing that was compared."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import defaultdict

from bench.check.formats.rows import finding_text, headline, plain, rows
from bench.check.outcome import Finding, Outcome

_CASES = {"run": "runs", "suite": "baseline", "facts": "settings, data, frozen weights, counts"}


def junit(outcome: Outcome) -> str:
    """The outcome; alarms are failures, remarks stand in `system-out`."""
    suite = ET.Element("testsuite", name=f"bench check {plain(outcome.suite)}")
    suite.set("time", f"{outcome.seconds:.3f}")
    n_failed = 0
    by_cell: dict[str, list[Finding]] = defaultdict(list)
    for finding in outcome.findings:
        by_cell[finding.cell or "suite"].append(finding)
    for cell in dict.fromkeys([*outcome.cells, *by_cell]):
        own = by_cell[cell]
        for kind, name in _CASES.items():
            alarms = [one for one in own if one.kind == kind and one.alarm]
            if kind == "facts" or alarms:
                n_failed += _case(suite, cell, name, [finding_text(one) for one in alarms])
        for row in rows(outcome):
            if row.cell == plain(cell):
                told = f"{row.before} -> {row.now}, {row.difference} {row.chance}".strip()
                n_failed += _case(suite, cell, row.what, [told] if row.verdict.isupper() else [])
        unshown = [one for one in own if one.kind in ("quality", "speed") and one.alarm]
        unshown = [one for one in unshown if one.text.partition(":")[0] not in ("worse", "slower")]
        if unshown:
            n_failed += _case(suite, cell, "comparison", [finding_text(one) for one in unshown])
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(n_failed))
    remarks = [headline(outcome), *(finding_text(one) for one in outcome.remarks)]
    ET.SubElement(suite, "system-out").text = "\n".join(remarks)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(suite: ET.Element, cell: str, name: str, failures: list[str]) -> int:
    case = ET.SubElement(suite, "testcase", classname=plain(cell), name=plain(name))
    if not failures:
        return 0
    failure = ET.SubElement(case, "failure", message=failures[0], type="regression")
    failure.text = "\n".join(failures)
    return 1
