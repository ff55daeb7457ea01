"""Rendered rooms as an annotated data set: what `n3d lift coco` takes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from n3d import synthetic
from n3d.scene import files, masks
from n3d.synthetic import Rendered

SIZE = (320, 240)


def write(seeds: Sequence[int], folder: Path) -> dict[str, Path]:
    """Write images, depth in millimetres and COCO annotations with K; the paths by these names.

    Images and depth have the same stems in `images/` and `depth/`; `annotations.json` holds
    the visible parts of the targets as run lengths.
    """
    paths = {name: folder / name for name in ("images", "depth")}
    for path in paths.values():
        path.mkdir(parents=True, exist_ok=True)
    images, annotations, labels = [], [], {}
    for number, seed in enumerate(seeds, 1):
        room = synthetic.make(seed, synthetic.SceneConfig(width=SIZE[0], height=SIZE[1]))
        name = f"room_{number}.png"
        _picture(paths["images"] / name, room.rgbd.image)
        assert room.rgbd.depth is not None
        _picture(paths["depth"] / name, np.rint(room.rgbd.depth * 1000).astype(np.uint16))
        images.append(_image(number, name, room))
        for region in room.picture.regions:
            category = labels.setdefault(region.label, len(labels) + 1)
            annotations.append(_annotation(len(annotations) + 1, number, category, region))
    categories = [{"id": number, "name": label} for label, number in labels.items()]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    paths["annotations"] = folder / "annotations.json"
    files.write_json(paths["annotations"], coco)
    return paths


def _picture(path: Path, pixels: np.ndarray) -> None:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    files.write_bytes(path, out.getvalue())


def _image(number: int, name: str, room: Rendered) -> dict[str, Any]:
    width, height = SIZE
    K = room.rgbd.camera.matrix.tolist()
    return {"id": number, "file_name": name, "width": width, "height": height, "K": K}


def _annotation(number: int, image: int, category: int, region: Any) -> dict[str, Any]:
    x0, y0, x1, y1 = region.rectangle
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": int(region.mask.sum()),
        "segmentation": masks.to_rle(region.mask),
        "iscrowd": 0,
    }
