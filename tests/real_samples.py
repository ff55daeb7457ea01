"""Real photographs with real depth as one COCO data set; rectangles drawn by eye, in pixels."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

NYU = (518.8579, 519.4696, 325.5824, 253.7362)
PRIMESENSE = (525.0, 525.0, 320.0, 240.0)
SUN = (529.5, 529.5, 364.5, 264.5)  # the file counts pixels from 1
SEEN = {
    "nyu_0": ("nyu2_mini_supergradients/image_0.png", "nyu2_mini_supergradients/depth_0.png", NYU, {
        "armchair": (180, 328, 314, 470), "microwave": (456, 164, 540, 242),
        "black cabinet": (86, 326, 188, 470), "grey cabinet": (312, 328, 402, 454),
        "paper towel dispenser": (328, 186, 390, 252), "fire extinguisher": (56, 240, 92, 332),
    }),
    "nyu_1": ("nyu2_mini_supergradients/image_1.png", "nyu2_mini_supergradients/depth_1.png", NYU, {
        "microwave": (120, 165, 262, 272), "soap bottle": (330, 314, 362, 386),
        "refrigerator": (458, 182, 630, 474), "kettle": (164, 326, 216, 362),
    }),
    "nyu_3": ("nyu2_mini_supergradients/image_3.png", "nyu2_mini_supergradients/depth_3.png", NYU, {
        "couch": (6, 358, 260, 474), "painting": (6, 112, 84, 300),
        "potted plant": (130, 248, 334, 400),
    }),
    "nyu_4": ("nyu2_mini_supergradients/image_4.png", "nyu2_mini_supergradients/depth_4.png", NYU, {
        "door": (440, 14, 534, 474), "fire extinguisher": (198, 272, 224, 330),
    }),
    "living": ("open3d_testdata_rgbd/RGBD/color/00000.jpg",
               "open3d_testdata_rgbd/RGBD/depth/00000.png", PRIMESENSE, {
        "armchair": (338, 108, 612, 386), "curtain": (172, 0, 262, 362),
    }),
    "bedroom": ("sunrgbd_000017/000017.jpg", "sunrgbd_000017/depth_sparse_mm.png", SUN, {}),
}  # fmt: skip
"""By name: image, depth, camera and what is seen where."""


def write(data: Path, folder: Path) -> dict[str, Path]:
    """Copies of the pictures of SEEN, their depth, and annotations; the paths by these names."""
    paths = {name: folder / name for name in ("images", "depth", "annotations.json")}
    paths["images"].mkdir(parents=True)
    paths["depth"].mkdir()
    images, annotations, labels = [], [], {}
    for number, (name, (image, depth, (fx, fy, cx, cy), seen)) in enumerate(SEEN.items(), 1):
        target = paths["images"] / f"{name}{Path(image).suffix}"
        shutil.copyfile(data / image, target)
        shutil.copyfile(data / depth, paths["depth"] / f"{name}.png")
        width, height = Image.open(target).size
        images.append({"id": number, "file_name": target.name, "width": width, "height": height,
                       "K": [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]})  # fmt: skip
        for label, box in (seen or _published(data)).items():
            category = labels.setdefault(label, len(labels) + 1)
            x0, y0, x1, y1 = box
            annotations.append({"id": len(annotations) + 1, "image_id": number, "iscrowd": 0,
                                "category_id": category, "area": (x1 - x0) * (y1 - y0),
                                "bbox": [x0, y0, x1 - x0, y1 - y0]})  # fmt: skip
    coco = {"images": images, "annotations": annotations,
            "categories": [{"id": n, "name": label} for label, n in labels.items()]}  # fmt: skip
    paths["annotations.json"].write_text(json.dumps(coco))
    return paths


def _published(data: Path) -> dict[str, tuple[float, ...]]:
    told = json.loads((data / "sunrgbd_000017/gt_camera.json").read_text())
    return {b["label"].replace("_", " "): tuple(b["bbox2d_gt_xyxy"]) for b in told["boxes"]}


def write_stand_in_depth(images: Path, annotations: Path, folder: Path, fx: float = 500.0) -> None:
    """Depth of a floor 1.5 m below a level camera and a wall 8 m away, before which every
    annotated thing stands as a slab, for pictures that have none."""
    folder.mkdir(parents=True)
    coco = json.loads(annotations.read_text())
    for image in coco["images"]:
        width, height = image["width"], image["height"]
        below = np.maximum(np.arange(height) + 0.5 - height / 2, 1e-6)
        depth = np.tile(np.minimum(8.0, 1.5 * fx / below)[:, None], (1, width))
        own = [a for a in coco["annotations"] if a["image_id"] == image["id"]]
        for a in sorted(own, key=lambda a: a["bbox"][1] + a["bbox"][3]):  # the farthest first
            x, y, w, h = (int(v) for v in a["bbox"])
            depth[y : y + h + 1, x : x + w + 1] = depth[min(height - 1, y + h), 0]
        out = folder / f"{Path(image['file_name']).stem}.png"
        Image.fromarray(np.rint(depth * 1000).astype(np.uint16)).save(out)
