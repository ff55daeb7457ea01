"""APRel3D of LabelAny3D: AP3D after each image's boxes were scaled as fits them best.

For each image the scale of 1.0, 0.1, 0.2 ... 3.5 with the largest mean 3D IoU over the pairs of a
class whose rectangles have a 2D IoU over 0.75; of equal ones the first. A companion to metric AP
for models without metric scale, not a substitute.
"""

from __future__ import annotations

import numpy as np

from n3d.evaluate.boxes import omni3d, tables
from n3d.evaluate.boxes.tables import Table
from n3d.geometry import Box3D, overlap

SCALES = np.array([1.0, *(s / 10 for s in range(1, 36) if s != 10)])
OVERLAP = 0.75


def scales(found: Table, true: Table, images: int) -> np.ndarray:
    """The best scale of each image (images,), 1 where there is nothing to go by."""
    g = tables.groups(found, true)
    near = omni3d.rectangle_ious(found, true, g) > OVERLAP
    p, t = g.pair_det[near], g.pair_truth[near]
    if not len(p):
        return np.ones(images)
    image = found.image[p]
    count = np.maximum(np.bincount(image, minlength=images), 1)
    worth = np.empty((len(SCALES), images))
    for k, scale in enumerate(SCALES):
        iou = overlap.iou_pairs(_scaled(found.box[p], np.full(len(p), scale)), true.box[t])
        worth[k] = np.bincount(image, weights=iou, minlength=images) / count
    return SCALES[worth.argmax(axis=0)]


def rescaled(found: Table, true: Table, images: int) -> Table:
    """The predictions with each image's boxes scaled about the camera."""
    return found.moved(_scaled(found.box, scales(found, true, images)[found.image]))


def _scaled(box: Box3D, factor: np.ndarray) -> Box3D:
    return Box3D(box.center * factor[:, None], box.size * factor[:, None], box.rotation)
