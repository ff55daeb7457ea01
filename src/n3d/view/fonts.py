"""Text in any script: measured, wrapped and written with the fonts that are there.

Latin text uses the font inside Pillow, so that pictures agree between machines. Characters it
lacks come from fonts of the system where one has them, and are shown as an empty box
otherwise. Nothing is downloaded.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from n3d.view import canvas
from n3d.view.palette import Colour

# Looked up by name in the font folders of the system; the first that has a character is used.
SYSTEM_FONTS = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansSC-Regular.otf", "wqy-microhei.ttc", "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf",
    "DroidSansFallback.ttf", "NotoSansArabic-Regular.ttf", "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf", "NotoSansThai-Regular.ttf", "NotoSansKR-Regular.otf",
    "NotoSansJP-Regular.otf", "unifont.ttf", "Arial Unicode.ttf", "PingFang.ttc",
    "Hiragino Sans GB.ttc", "AppleSDGothicNeo.ttc", "arialuni.ttf", "msyh.ttc", "msgothic.ttc",
    "malgun.ttf", "segoeui.ttf", "seguisym.ttf", "NotoSansSymbols2-Regular.ttf",
)  # fmt: skip
_BUILT_IN = ""
_BOX = "box"
_NEVER_ASSIGNED = "\uffff"
# Glyphs are drawn this much larger and reduced: hinting to whole pixels spoils small text.
_FINE = 3


@lru_cache(maxsize=256)
def _load(name: str, size: int) -> ImageFont.FreeTypeFont:
    if name == _BUILT_IN:
        font = ImageFont.load_default(size)
        assert isinstance(font, ImageFont.FreeTypeFont)
        return font
    return ImageFont.truetype(name, size)


@lru_cache(maxsize=1)
def _available() -> tuple[str, ...]:
    found = [_BUILT_IN]
    for name in SYSTEM_FONTS:
        try:
            found.append(str(ImageFont.truetype(name, 16).path))
        except OSError:
            continue
    return tuple(found)


@lru_cache(maxsize=4096)
def _has(name: str, character: str) -> bool:
    if character.isspace():
        return True
    return _glyph(name, character) != _glyph(name, _NEVER_ASSIGNED)


@lru_cache(maxsize=4096)
def _glyph(name: str, character: str) -> bytes:
    picture = Image.new("L", (48, 48))
    ImageDraw.Draw(picture).text((12, 32), character, fill=255, font=_load(name, 16), anchor="ls")
    return picture.tobytes()


def clean(text: str) -> str:
    """Text on one line: controls and line breaks become spaces, unpaired surrogates U+FFFD."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)
    return " ".join(text.split())


@lru_cache(maxsize=4096)
def _runs(text: str) -> tuple[tuple[str, str], ...]:
    """The text in pieces (font, characters); one piece where one font has everything."""
    for name in _available():
        if all(_has(name, c) for c in set(text)):
            return ((name, text),) if text else ()
    runs: list[tuple[str, str]] = []
    for c in text:
        name = next((n for n in _available() if _has(n, c)), _BOX)
        if name == _BOX and unicodedata.category(c) in ("Cf", "Mn", "Me"):
            continue
        if runs and (runs[-1][0] == name or (c.isspace() and runs[-1][0] != _BOX)):
            runs[-1] = (runs[-1][0], runs[-1][1] + c)
        else:
            runs.append((name, c))
    return tuple(runs)


def missing(text: str) -> str:
    """The characters of `text` that no font here can show; each appears as an empty box."""
    shown = {c for name, run in _runs(clean(text)) if name != _BOX for c in run}
    return "".join(dict.fromkeys(c for c in clean(text) if c not in shown and not c.isspace()))


def _run_width(name: str, run: str, size: int) -> float:
    if name == _BOX:
        return 0.72 * size * len(run)
    return _load(name, _FINE * size).getlength(run) / _FINE


@lru_cache(maxsize=4096)
def width(text: str, size: int) -> float:
    """Width in pixels of one line of `text`."""
    return sum(_run_width(name, run, size) for name, run in _runs(clean(text)))


def line_height(size: int) -> int:
    """Distance in pixels between the baselines of two lines."""
    return round(size * 1.32)


def write(
    pixels: np.ndarray, x: float, baseline: float, text: str, size: int, colour: Colour
) -> float:
    """Write one line with its left end at `x`; returns the x where it ends."""
    for name, run in _runs(clean(text)):
        advance = _run_width(name, run, size)
        left, top = round(x) - size, round(baseline) - 2 * size
        if name == _BOX:
            for i in range(len(run)):
                _empty_box(pixels, x + 0.72 * size * i, baseline, size, colour)
        elif advance > 0:
            mask = Image.new("L", (_FINE * (int(advance) + 3 * size), _FINE * 3 * size))
            start = (_FINE * (x - left), _FINE * 2 * size)
            font = _load(name, _FINE * size)
            ImageDraw.Draw(mask).text(start, run, fill=255, font=font, anchor="ls")
            coverage = np.asarray(mask.reduce(_FINE), np.float32) / 255
            canvas.blend(pixels, left, top, coverage, colour)
        x += advance
    return x


def _empty_box(pixels: np.ndarray, x: float, baseline: float, size: int, colour: Colour) -> None:
    x0, x1, y0, y1 = x + 0.1 * size, x + 0.62 * size, baseline - 0.72 * size, baseline
    canvas.outline(pixels, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour, max(1.0, size / 16))


def shorten(text: str, size: int, limit: float) -> str:
    """The text, or its beginning with an ellipsis, no wider than `limit` pixels."""
    text = clean(text)
    if width(text, size) <= limit:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width(text[:middle].rstrip() + "...", size) <= limit:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "..." if low else ""


def wrap(text: str, size: int, limit: float, *, lines: int | None = None) -> list[str]:
    """The text in lines no wider than `limit` pixels, broken at spaces, else inside a word.

    With `lines`, the rest is cut and the last line ends in an ellipsis.
    """
    out: list[str] = []
    for paragraph in text.splitlines() or [""]:
        current = ""
        for word in clean(paragraph).split(" "):
            candidate = f"{current} {word}".strip()
            if width(candidate, size) <= limit:
                current = candidate
                continue
            if current:
                out.append(current)
            current = word
            while width(current, size) > limit and len(current) > 1:
                head = _head(current, size, limit)
                out.append(head)
                current = current[len(head) :]
        out.append(current)
    if lines is not None and len(out) > lines:
        out = [*out[: lines - 1], shorten(out[lines - 1] + " ...", size, limit)]
    return out


def _head(word: str, size: int, limit: float) -> str:
    """The longest beginning of `word` that fits, at least one character."""
    low, high = 1, len(word)
    while low < high:
        middle = (low + high + 1) // 2
        if width(word[:middle], size) <= limit:
            low = middle
        else:
            high = middle - 1
    return word[:low]
