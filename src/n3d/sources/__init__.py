"""Foreign files -> nouns, and back. The only room that knows foreign frames.

`read_rgbd` and `load` make views; `regions` and `coco` read 2D annotations; `plain`,
`omni3d`, `kitti`, `sunrgbd_boxes`, `wilddet3d`, `boxer` and `qwen` are forms of 3D boxes, turned
into one another by `convert`; `sunrgbd` reads its pictures, `upstream` N3D-VLM's point maps,
`benchmarks` the questions and boxes of benchmarks.
"""

from n3d.sources import (
    benchmarks,
    boxer,
    camera_files,
    cameras,
    coco,
    convert,
    kitti,
    omni3d,
    plain,
    qwen,
    regions,
    sunrgbd,
    sunrgbd_boxes,
    upstream,
    wilddet3d,
)
from n3d.sources.files import InputWarning
from n3d.sources.image import ImageLimits
from n3d.sources.loading import load
from n3d.sources.rgbd import read_rgbd

__all__ = [
    "ImageLimits",
    "InputWarning",
    "benchmarks",
    "boxer",
    "camera_files",
    "cameras",
    "coco",
    "convert",
    "kitti",
    "load",
    "omni3d",
    "plain",
    "qwen",
    "read_rgbd",
    "regions",
    "sunrgbd",
    "sunrgbd_boxes",
    "upstream",
    "wilddet3d",
]
