"""A small data set of scenes with its pictures and depth, made without lifting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from n3d import engine
from n3d.geometry import Box3D, Camera, euler
from n3d.scene import Drop, Object3D, Provenance, Scene

CAMERA = Camera(fx=150, fy=150, cx=80, cy=60, width=160, height=120)
COUNT = 5
PER_SHARD = 2


def scene(number: int) -> Scene | Drop:
    """A stool and a lamp, of another worth in each; the last picture is dropped."""
    if number == COUNT - 1:
        return Drop(f"p{number}", "depth-empty", "no valid depth")
    stool = Box3D([-0.4, 0.2, 2.0 + 0.1 * number], [0.5, 0.6, 0.4], euler(yaw=0.3))
    lamp = Box3D([0.5, -0.1, 2.5], [0.3, 0.9, 0.3])
    objects = [
        Object3D("1", "stool", stool, quality={"score": 0.2 + 0.2 * number}, visibility=0.9),
        Object3D("2", "lamp" if number else "<b>lamp</b>", lamp, quality={"score": 0.95}),
    ]
    return Scene(
        f"p{number}", f"p{number}", tuple(objects), up=np.array([0.0, -1.0, 0.0]),
        source="made", licence="CC0" if number % 2 else "CC BY 4.0", camera=CAMERA,
        image=f"p{number}.png", depth=f"p{number}.png",
        provenance=Provenance(camera="given", depth="sensor", metric=True, up="given"),
    )  # fmt: skip


def write(folder: Path) -> dict[str, Path]:
    """The data set `scenes`, and the folders `images` and `depth`."""
    paths = {name: folder / name for name in ("scenes", "images", "depth")}
    for name in ("images", "depth"):
        paths[name].mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        image = rng.integers(60, 200, (120, 160, 3), np.uint8)
        deep = np.linspace(1800, 3200, 120 * 160).reshape(120, 160).astype(np.uint16)
        Image.fromarray(image).save(paths["images"] / f"p{number}.png")
        Image.fromarray(deep).save(paths["depth"] / f"p{number}.png")
    source = engine.Items(range(COUNT), per_shard=PER_SHARD)
    engine.run(engine.each(scene), source, paths["scenes"], kind="scene", progress=False)
    return paths
