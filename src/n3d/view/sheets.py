"""Many pictures on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from n3d.errors import InputError
from n3d.view import canvas, fonts, palette


def sheet(
    images: Sequence,
    captions: Sequence[str] | None = None,
    columns: int | None = None,
    *,
    width: int = 480,
) -> Image.Image:
    """A contact sheet: images (PIL or (h, w, 3) uint8) in cells `width` pixels wide.

    Images keep their shape and are centred in their row; captions are wrapped, to three lines
    at most. `columns` defaults to a nearly square sheet.
    """
    pictures = [x if isinstance(x, Image.Image) else Image.fromarray(np.asarray(x)) for x in images]
    if not pictures:
        raise InputError("a sheet needs at least one image", code="sheet-empty", field="images")
    if captions is not None and len(captions) != len(pictures):
        raise InputError(
            f"{len(captions)} captions for {len(pictures)} images",
            code="sheet-captions",
            field="captions",
        )
    if columns is None:
        columns = int(np.ceil(np.sqrt(len(pictures))))
    if columns < 1:
        raise InputError(f"is {columns}", code="view-option", field="columns", limit=">= 1")
    columns = min(columns, len(pictures))
    gap = max(4, width // 30)
    rows = []
    for start in range(0, len(pictures), columns):
        texts = captions[start : start + columns] if captions is not None else None
        rows.append(_row(pictures[start : start + columns], texts, columns, width, gap))
    between = canvas.blank(rows[0].shape[1], gap, palette.PAPER)
    parts = [part for row in rows for part in (row, between)]
    return Image.fromarray(np.concatenate([between, *parts]))


def _row(pictures, texts, columns: int, width: int, gap: int) -> np.ndarray:
    fitted = [_fit(picture, width) for picture in pictures]
    tall = max(f.shape[0] for f in fitted)
    size = max(8, width // 28)
    lines = [fonts.wrap(t, size, width, lines=3) if t else [] for t in texts or [""] * len(fitted)]
    below = max(len(part) for part in lines) * fonts.line_height(size) + (size // 2)
    row = canvas.blank(columns * (width + gap) + gap, tall + below, palette.PAPER)
    for k, (image, part) in enumerate(zip(fitted, lines)):
        left = gap + k * (width + gap)
        top, inset = (tall - image.shape[0]) // 2, (width - image.shape[1]) // 2
        row[top : top + image.shape[0], left + inset : left + inset + image.shape[1]] = image
        for i, line in enumerate(part):
            baseline = tall + (i + 1) * fonts.line_height(size)
            fonts.write(row, left, baseline, line, size, palette.INK)
    return row


def _fit(picture: Image.Image, width: int) -> np.ndarray:
    """A picture as wide as its cell, or as tall as twice that where it is a tall one."""
    factor = min(width / picture.width, 2 * width / picture.height)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return np.asarray(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS))
