"""Small pictures and depths made on the spot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


class Maker:
    """Writes the inputs of one test into its own folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def colours(self, width: int = 40, height: int = 30) -> np.ndarray:
        """A gradient with a different value in every corner."""
        y, x = np.mgrid[:height, :width]
        ramp = (x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1), 0 * x + 90)
        return np.stack(ramp, axis=-1).astype(np.uint8)

    def image(self, name: str = "a.png", width: int = 40, height: int = 30, **save) -> Path:
        path = self.folder / name
        Image.fromarray(self.colours(width, height)).save(path, **save)
        return path

    def depth(self, name: str = "d.png", width: int = 40, height: int = 30, value=2000) -> Path:
        path = self.folder / name
        Image.fromarray(np.full((height, width), value, np.uint16)).save(path)
        return path

    def npy(self, array, name: str = "d.npy") -> Path:
        np.save(self.folder / name, array, allow_pickle=np.asarray(array).dtype.hasobject)
        return self.folder / name

    def json(self, value, name: str = "f.json") -> Path:
        path = self.folder / name
        path.write_text(json.dumps(value))
        return path

    def text(self, text: str, name: str = "f.txt") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path


@pytest.fixture
def make(tmp_path) -> Maker:
    return Maker(tmp_path)
