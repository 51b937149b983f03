"""Writes the leaderboard page; an earlier page is replaced whole, anything else is left alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.files import recover_folder, replace_folder

if TYPE_CHECKING:
    from reports.page.site import Site

MARK = ".speechprompt-bench-page"


def write_site(site: Site, folder: Path) -> None:
    """Writes the folder.

    Raises:
        UsageError: if there is something else than an earlier page.
        StorageError: if it cannot be written.
    """
    if folder.exists():
        is_page = folder.is_dir() and ((folder / MARK).exists() or not any(folder.iterdir()))
        if not is_page:
            raise UsageError(
                "is there already, and is no page that bench made",
                where=str(folder),
                hint="choose another --out, or move it away",
            )
    folder = folder.absolute()
    recover_folder(folder)
    with replace_folder(folder) as new:
        (new / MARK).write_text("bench compare --format html replaces this folder\n")
        for name, content in site.files.items():
            file = new / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        for name, source in site.copies.items():
            file = new / name
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, file)
