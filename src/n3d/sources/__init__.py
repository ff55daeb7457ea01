"""Foreign files -> nouns, and back. The only room that knows foreign frames.

`read_rgbd` and `load` make views; `regions`, `coco`, `lvis`, `openimages` and `refcoco` read 2D
annotations, `unannotated` a folder of images; `convert` turns the forms of 3D boxes into one
another (`plain`, `omni3d`, `kitti`, ...); `sunrgbd` reads its pictures, `upstream` N3D-VLM's point
maps, `benchmarks` the questions and boxes of benchmarks; `conventions` says what the numbers of any
other file mean.
"""

from n3d.sources import (
    benchmarks,
    boxer,
    camera_files,
    cameras,
    coco,
    conventions,
    convert,
    kitti,
    lvis,
    omni3d,
    openimages,
    plain,
    qwen,
    refcoco,
    regions,
    reopening,
    sunrgbd,
    sunrgbd_boxes,
    unannotated,
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
    "conventions",
    "convert",
    "kitti",
    "load",
    "lvis",
    "omni3d",
    "openimages",
    "plain",
    "qwen",
    "read_rgbd",
    "refcoco",
    "regions",
    "reopening",
    "sunrgbd",
    "sunrgbd_boxes",
    "unannotated",
    "upstream",
    "wilddet3d",
]
