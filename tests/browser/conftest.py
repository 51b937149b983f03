"""The leaderboard page of simulated runs, opened in a real Chromium."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.simulated import write_runs
from tests.conftest import ROOT, bench_process

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("there is no Chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        # Root, as in a container, has no sandbox.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as `bench compare` writes it; one record of the folder cannot be read."""
    folder = tmp_path_factory.mktemp("laboratory")
    write_runs(folder / "runs")
    arguments = ("compare", "--reference", "paper", "--format", "html", "--out", "site")
    done = subprocess.run(
        bench_process(arguments),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "ks-prompt-corrupt" in done.stderr
    return folder / "site"


Scheme = Literal["light", "dark"]
Open = Callable[..., Page]
PATIENCE_MS = 120_000
"""The machine may be busy: what is slow is not yet broken."""
expect.set_options(timeout=PATIENCE_MS)
DESKTOP, PHONE = (1280, 900), (390, 844)


@pytest.fixture
def open_page(chromium: Browser, site: Path) -> Iterator[Open]:
    """Opens a page of the site; at the end nothing may have failed or have left the folder."""
    faults: list[str] = []
    asked: list[str] = []
    contexts = []

    def opened(
        name: str = "index.html", size: tuple[int, int] = DESKTOP, scheme: Scheme = "light"
    ) -> Page:
        width, height = size
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: faults.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("requestfailed", lambda request: faults.append(f"failed: {request.url[:200]}"))
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.goto((site / name).as_uri())
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            assert page.evaluate("window.hacked") is None, "a record's text ran as a script"
        context.close()
    assert faults == []
    inside = re.escape(site.as_uri())
    assert [url for url in asked if not re.match(rf"{inside}/|data:", url)] == []
    assert asked


def run_page(site: Path, name: str) -> str:
    """The page of the run in a folder of that name."""
    (file,) = site.glob(f"runs/[0-9]*-{name}.html")
    return f"runs/{file.name}"
