"""Many pictures with words on one HTML page that loads nothing."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from PIL import Image

from n3d.view import clouds

QUALITY = 85


@dataclass(frozen=True, eq=False)
class Figure:
    """A picture with a caption, and a verdict in words where something is right (`good` True),
    wrong (False) or neither (None)."""

    image: Image.Image
    caption: str
    verdict: str = ""
    good: bool | None = None


@dataclass(frozen=True, eq=False)
class Section:
    """Figures under a heading, side by side where each is left `width` pixels of the page."""

    title: str
    figures: Sequence[Figure]
    text: str = ""
    width: int = 430


def album(path: str | Path, title: str, text: str, sections: Sequence[Section]) -> Path:
    """Write a page of sections; pictures are embedded as JPEG, words as text."""
    page = resources.files("n3d.view").joinpath("album.html").read_text("utf-8")
    head, middle, body, tail = page.split("{{part}}")
    shown = "".join(map(_section, sections))
    written = head + _text(title) + middle + _paragraph(text, title) + body + shown + tail
    path = Path(path)
    clouds.save(path, written.encode("utf-8"))
    return path


def _paragraph(text: str, title: str) -> str:
    return f"<h1>{_text(title)}</h1>\n<p>{_text(text)}</p>"


def _section(s: Section) -> str:
    text = f"<p>{_text(s.text)}</p>\n" if s.text else ""
    figures = "\n".join(map(_figure, s.figures))
    head = f'<section style="--width: {s.width}px">\n<h2>{_text(s.title)}</h2>\n{text}'
    return f"{head}<div>\n{figures}\n</div>\n</section>\n"


def _figure(f: Figure) -> str:
    state = {True: "good", False: "bad", None: "muted"}[f.good]
    verdict = f'<span class="{state}">{_text(f.verdict)}</span>' if f.verdict else ""
    return (
        f'<figure><img loading="lazy" width="{f.image.width}" height="{f.image.height}" '
        f'alt="{_text(f.caption)}" src="{uri(f.image)}">\n'
        f"<figcaption>{_text(f.caption)} {verdict}</figcaption></figure>"
    )


def _text(text: str) -> str:
    return html.escape(text.encode("utf-8", "replace").decode("utf-8"))


def uri(image: Image.Image) -> str:
    """A picture as a data URI."""
    data = io.BytesIO()
    image.convert("RGB").save(data, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode("ascii")
