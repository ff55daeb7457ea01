"""What the N3D-VLM paper reports of grounding, with what it leaves open made explicit.

Each true object has at most one prediction of its class in its image (of any class where the image
is a query in words), paired so that the sum of
the projected IoU is largest, nearness of the centres deciding where rectangles do not meet. A
missed object has IoU 0 and no offset.

Depth-aligned: the predicted box is scaled about the camera by z* / z, centre and size alike, which
leaves its projection as it is and gives its centre the true depth.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.evaluate import bootstrap
from n3d.evaluate.boxes import confidence, omni3d, pairing, projecting, tables
from n3d.evaluate.boxes.tables import Table, Truth
from n3d.geometry import Box3D, overlap

THRESHOLDS = (0.25, 0.50)


def evaluate(found: Table, true: Truth, *, seed: int = 0) -> dict[str, Any]:
    """Projected IoU and offset, 3D IoU and offset, accuracy, detection, calibration."""
    wanted = np.flatnonzero(~true.boxes.ignored)
    g = tables.groups(found, true.boxes, most=None, by_class=true.by_class)
    at = _paired(found, true, g)
    draws = bootstrap.Draws(true.boxes.image[wanted], seed)
    out: dict[str, Any] = {
        "objects": len(wanted),
        "located": int((at[wanted] >= 0).sum()),
        "extra": len(found) - int((at >= 0).sum()),
        **_projected(found, true, at, wanted, draws),
        **_solid(found, true, at, wanted, draws),
    }
    if true.boxes.known.all():
        worth = omni3d.box_ious(found, true.boxes, g)
        out["detection"] = {
            f"{t:.2f}": pairing.detection(found, true.boxes, g, worth, t) for t in THRESHOLDS
        }
        out["confidence"] = confidence.report(found, true.boxes, g, worth)
    return out


def _paired(found: Table, true: Truth, g) -> np.ndarray:
    """The prediction of each true object, -1 for none."""
    flat = projecting.rectangles(found, true, "clipped")
    wanted = projecting.true_rectangles(true)
    seen = projecting.ious(flat[g.pair_det], wanted[g.pair_truth])
    centers = projecting.centers(found, true)[g.pair_det]
    apart = np.linalg.norm(centers - projecting.middle(wanted)[g.pair_truth], axis=-1)
    solid = np.isnan(wanted[g.pair_truth, 0])
    if solid.any():  # no camera: by the boxes themselves
        seen = np.where(solid, omni3d.box_ious(found, true.boxes, g), seen)
        gap = found.box.center[g.pair_det] - true.boxes.box.center[g.pair_truth]
        apart = np.where(solid, np.linalg.norm(gap, axis=-1), apart)
    worth = seen + 1e-3 / (1 + np.nan_to_num(apart, nan=1e9))
    dets, truths = pairing.pairs_of(found, g, worth, 0.0, "hungarian")
    at = np.full(len(true.boxes), -1)
    at[truths] = dets
    return at


def _means(values: np.ndarray, wanted: np.ndarray, draws: bootstrap.Draws) -> dict[str, Any]:
    """The mean over wanted objects of values that are NaN where there is none."""
    own = values[wanted]
    chosen = np.flatnonzero(~np.isnan(own))
    mean = float(own[chosen].mean()) if len(chosen) else None
    interval = draws.interval(chosen, own[chosen])
    return {"mean": mean, "interval_95": interval, "count": len(chosen)}


def _projected(found: Table, true: Truth, at, wanted, draws) -> dict[str, Any]:
    rectangles = projecting.true_rectangles(true)
    has = ~np.isnan(rectangles[:, 0])
    if not has[wanted].any():
        return {"projected": None}
    hit = (at >= 0) & has
    size = projecting.sizes(true.boxes, true)
    out: dict[str, Any] = {"iou": {}, "offset_normalised": {}, "offset_px": {}}
    points = {"projected_center": projecting.centers(found, true)}
    for rule in projecting.RULES:
        shown = projecting.rectangles(found, true, rule)
        value = np.where(has, 0.0, np.nan)
        value[hit] = projecting.ious(shown[at[hit]], rectangles[hit])
        out["iou"][rule] = _means(value, wanted, draws)
        points[f"rectangle_center_{rule}"] = projecting.middle(shown)
    for name, where in points.items():
        gap = np.full((len(at), 2), np.nan)
        gap[hit] = where[at[hit]] - projecting.middle(rectangles)[hit]
        out["offset_normalised"][name] = _means(np.linalg.norm(gap / size, axis=1), wanted, draws)
        out["offset_px"][name] = _means(np.linalg.norm(gap, axis=1), wanted, draws)
    return {"projected": out}


def _solid(found: Table, true: Truth, at, wanted, draws) -> dict[str, Any]:
    known = true.boxes.known
    hit = (at >= 0) & known
    t = true.boxes.box[np.flatnonzero(hit)]
    p = found.box[at[hit]]
    out: dict[str, Any] = {}
    for name, box in (("metric", p), ("depth_aligned", depth_aligned(p, t))):
        iou, off = np.where(known, 0.0, np.nan), np.full(len(at), np.nan)
        iou[hit] = overlap.iou_pairs(box, t) if len(t) else []
        off[hit] = np.linalg.norm(box.center - t.center, axis=-1)
        out[name] = {
            "iou_3d": _means(iou, wanted, draws),
            "offset_3d_m": _means(off, wanted, draws),
            **{
                f"acc{int(100 * k)}": _means(np.where(known, iou >= k, np.nan), wanted, draws)
                for k in THRESHOLDS
            },
        }
    return out


def depth_aligned(predicted: Box3D, true: Box3D) -> Box3D:
    """Boxes scaled about the camera so that their centres have the true ones' depth; those behind
    the camera stay."""
    z, wanted = predicted.center[:, 2], true.center[:, 2]
    sound = (z > 0) & (wanted > 0)
    factor = np.where(sound, wanted / np.where(sound, z, 1.0), 1.0)[:, None]
    return Box3D(predicted.center * factor, predicted.size * factor, predicted.rotation)
