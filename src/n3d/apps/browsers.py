"""How `n3d view` shows a data set: a page of this machine, and the web browser on it."""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from n3d.apps import options as opt
from n3d.errors import ConfigError, InputError

HOST, PORT = "127.0.0.1", 8001


def browse(
    folder: Path,
    images: Path | None,
    depth: str | None,
    taken: Mapping[str, Any],
    host: str,
    port: int,
    no_open: bool,
) -> None:
    """Show a data set until Ctrl-C. ConfigError for options of a single picture in `taken`."""
    for name, value in taken.items():
        if value is not None:
            raise ConfigError(
                f"is for a single picture, and {folder.name} is a directory",
                code="config-conflict", file=folder, field=name,
            )  # fmt: skip
    from n3d.apps import show
    from n3d.pipelines import reviewing

    try:
        from n3d.apps.server import browser, web
    except ModuleNotFoundError as e:
        raise ConfigError(
            f"needs the package {e.name}", code="extra-missing", field="view",
            hint='Install them: pip install "n3d[serve]"',
        ) from None  # fmt: skip
    table = reviewing.table(folder, opt.needed(images, "--images"), depth)
    listening = web.listen(host, port)

    def ready(address: str) -> None:
        show.say(f"{address} shows {folder}: Ctrl-C ends it")
        if not no_open:
            webbrowser.open(address)

    with table.alone():
        if not table.writes:
            show.say("note: the folder cannot be written, so nothing can be reviewed")
        if not browser.is_local(host):
            show.say("note: whoever reaches this address sees the pictures and can review them")
        browser.run(browser.app(table, host), listening, ready)


def check_unused(image: Path, images: Path | None, host: str, port: int, no_open: bool) -> None:
    """ConfigError for an option of data sets where a picture is drawn; InputError where one was
    meant that is not there."""
    if images is not None and not image.exists():
        raise InputError("is no folder", code="folder-missing", file=image)
    given = {
        "--images": images is not None, "--host": host != HOST, "--port": port != PORT,
        "--no-open": no_open,
    }  # fmt: skip
    for name, value in given.items():
        if value:
            raise ConfigError("is for a folder of scenes", code="config-conflict", field=name)


def tell(found: dict[str, int]) -> None:
    """Say what was reviewed of a data set by hand."""
    from n3d.apps import show

    pictures = "picture rejected" if found["pictures_rejected"] == 1 else "pictures rejected"
    named = {**{k: k for k in found}, "pictures_rejected": pictures}
    parts = [f"{n} {named[name]}" for name, n in found.items() if name != "unknown"]
    show.say(f"reviewed by hand: {', '.join(parts)}")
    if found.get("unknown"):
        show.say(f"note: {found['unknown']} reviews are of objects that are not in the data set")
