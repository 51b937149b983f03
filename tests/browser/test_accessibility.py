from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import DESKTOP, PHONE, Open, Scheme, run_page
from tests.browser.simulated import BIG

pytestmark = pytest.mark.slow

# The page forbids itself to fetch anything, the style sheets that axe would read again too.
OPTIONS = {"resultTypes": ["violations"], "preload": False}


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index.html", BIG])
def test_axe_finds_no_serious_fault(
    open_page: Open, site: Path, name: str, scheme: Scheme, size: tuple[int, int]
) -> None:
    page = open_page(name if name == "index.html" else run_page(site, name), size, scheme)
    found = Axe().run(page, options=OPTIONS).response["violations"]
    serious = [
        (fault["id"], [node["html"][:200] for node in fault["nodes"][:3]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_everything_is_reached_by_keyboard(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    reached = set()
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.getAttribute('role')"
            )
        )
    assert reached >= {"theme", "board-filter", "costs", "region", "button"}
