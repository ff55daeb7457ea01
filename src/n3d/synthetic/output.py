"""A rendered view as the files that a user of an RGB-D camera would have, and its truth."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import numpy as np

from n3d.errors import ConfigError
from n3d.scene import files, masks, records
from n3d.synthetic.scenes import Rendered

DEPTH_UNITS_PER_METRE = 1000
JPEG_QUALITY = 95


def write(
    rendered: Rendered, folder: str | Path, *, image: Literal["png", "jpg"] = "png"
) -> dict[str, Path]:
    """Write image, depth, camera, regions and truth, and return their paths by these names.

    `image.png` or `image.jpg`; `depth.png`, 16 bits, millimetres, 0 invalid; `camera.json`
    with fx, fy, cx, cy, width and height; `regions.json`, a list of label, bbox [x, y, w, h],
    COCO run lengths of the visible part, id and expression of every target; `truth.json`
    with all objects of the scene and camera_from_world. The folder is made.
    """
    if image not in ("png", "jpg"):
        raise ConfigError(
            f"unknown format {image!r}", code="image-format", field="image", limit="png, jpg"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {
        "image": folder / f"image.{image}",
        "depth": folder / "depth.png",
        "camera": folder / "camera.json",
        "regions": folder / "regions.json",
        "truth": folder / "truth.json",
    }
    view = rendered.rgbd
    assert view.depth is not None
    files.write_bytes(paths["image"], _encoded(view.image, image))
    steps = np.rint(view.depth.astype(np.float64) * DEPTH_UNITS_PER_METRE)
    steps[steps > np.iinfo(np.uint16).max] = 0
    files.write_bytes(paths["depth"], _encoded(steps.astype(np.uint16), "png"))
    camera = {n: getattr(view.camera, n) for n in ("fx", "fy", "cx", "cy", "width", "height")}
    files.write_json(paths["camera"], camera)
    files.write_json(paths["regions"], _regions(rendered))
    truth = {
        "seed": rendered.seed,
        "scene": records.to_json(rendered.scene),
        "camera_from_world": rendered.pose.matrix.tolist(),
    }
    files.write_json(paths["truth"], truth)
    return paths


def _encoded(pixels: np.ndarray, kind: str) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    if kind == "jpg":
        Image.fromarray(pixels).save(out, "JPEG", quality=JPEG_QUALITY)
    else:
        Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def _regions(rendered: Rendered) -> list[dict]:
    out = []
    for region in rendered.picture.regions:
        assert region.mask is not None
        x0, y0, x1, y1 = region.rectangle
        out.append(
            {
                "id": region.id,
                "label": region.label,
                "expression": region.expression,
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "segmentation": masks.to_rle(region.mask),
            }
        )
    return out
