"""Infos of SUN RGB-D as a form of 3D boxes: read in both versions, written as v1.x."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from n3d.errors import InputError
from n3d.scene import Drop
from n3d.sources import files, frames, grounded, sunrgbd
from n3d.sources.grounded import Grounded


def read(path: Any, **_: Any) -> Iterator[Grounded | Drop]:
    """The frames of an infos JSON as scenes."""
    for info in sunrgbd.read_infos(path):
        yield info if isinstance(info, Drop) else info.grounded()


def write(path: Any, items: Iterable[Grounded], **_: Any) -> None:
    """Write infos v1.x; lean against gravity is lost, with a warning. Needs cameras."""
    scenes = list(items)
    labels = sorted({o.label for item in scenes for o in item.scene.objects})
    out = {
        "metainfo": {
            "categories": {label: i for i, label in enumerate(labels)},
            "dataset": "sunrgbd",
            "info_version": "1.1",
        },
        "data_list": [_entry(item, labels) for item in scenes],
    }
    files.write_text(path, json.dumps(out, allow_nan=False) + "\n")


def _entry(item: Grounded, labels: list[str]) -> dict[str, Any]:
    if item.camera is None:
        raise InputError(
            "sunrgbd needs a camera", code="convert-camera", field="camera", hint="Give --camera"
        )
    zup = frames.zup_from_camera(item.scene.up)
    # Back to 1-based pixels.
    one_based = replace(item.camera, cx=item.camera.cx + 0.5, cy=item.camera.cy + 0.5)
    instances = []
    for thing in item.scene.objects:
        turned = frames.with_vertical(thing.box, 1, item.down)
        world = frames.to_zup(turned, zup)
        assert world.rotation is not None
        heading, tilt = frames.yaw_about(world.rotation, 2)
        if tilt > 1e-4:
            grounded.warn_lost("sunrgbd", f"{np.degrees(tilt):.2g} degrees of pitch and roll")
        rectangle = grounded.rectangle(item, thing)
        number = labels.index(thing.label)
        instances.append(
            {
                "bbox": None if rectangle is None else [v + 0.5 for v in rectangle],
                "bbox_label": number,
                "bbox_3d": [*world.center.tolist(), *world.size.tolist(), heading],
                "bbox_label_3d": number,
            }
        )
    return {
        "images": {
            "CAM0": {
                "img_path": item.image or f"{item.scene.picture_id}.jpg",
                "height": item.camera.height,
                "width": item.camera.width,
                "depth2img": (one_based.matrix @ zup.rotation.T).tolist(),
            }
        },
        "lidar_points": {"num_pts_feats": sunrgbd.POINT_COLUMNS, "lidar_path": ""},
        "instances": instances,
    }
