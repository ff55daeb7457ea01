"""Write, then fit: a box that a model has written is moved to where the depth shows it.

A box is judged by how well it explains the depth around it: samples on its near surface speak
for it, those seen through it, or of the room within it, against it, and so do samples beside it
that nothing else explains. To this comes how far written boxes err, with long tails. The most
probable box has its seen faces where the depth shows them; what nothing shows keeps the written
extent. It is reported only where it passes the gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np

from n3d.geometry import Box3D
from n3d.lift import quality
from n3d.lift.evidence import FREE, OTHER, ROOM, Evidence, gather, to_box
from n3d.lift.refine_config import Costs, RefineConfig
from n3d.lift.surroundings import room_planes
from n3d.scene import RGBD, BoxSpread, Object3D

__all__ = ["REASONS", "Costs", "RefineConfig", "refine"]

REASONS = {
    "outside-image": "the written box does not project into the image",
    "too-few-samples": "fewer pixels with depth around the box than `min_samples`",
    "no-gain": "no box explains the depth better than the written one by `min_gain`",
    "low-support": "less of the depth in the box's projection is the object's than `min_support`",
    "low-reprojection": "the projected box misses its samples (`min_reprojection_iou`)",
    "disagrees": "a number is further from the written one than `max_deviation` deviations",
    "behind-camera": "the box reaches behind the camera",
}

# Where the cost rises by one half is too narrow a deviation: samples are not independent, and
# opposite ends move together. Chosen on "train" so that 90 % intervals hold 90 % of the truth.
WIDER_SIZE, WIDER_CENTER = 1.4, 3.0
# A face is measured where its width is below this share of its written deviation.
MEASURED = 0.5


@dataclass(frozen=True, eq=False)
class _Proposal:
    """A box that the depth proposes, and how it differs from the written one."""

    box: Box3D
    turn: np.ndarray
    spread: BoxSpread
    gain: float
    deviation: float
    measured: list[bool]
    quality: dict[str, float]


def refine(
    view: RGBD,
    objects: Sequence[Object3D],
    config: RefineConfig | None = None,
    *,
    planes: np.ndarray | None = None,
) -> list[Object3D]:
    """The objects, in their order, with boxes that were written by a model fitted to the depth.

    An object's `spread`, where it has one, says how far its written box may err. Each returned
    object has `attributes["written"]`, the box as written (`center`, `size`, `rotation` as
    lists), and `attributes["refined"]`: `accepted`; where not, a `reason` (a key of REASONS)
    and the `proposed` box if there was one; else `measured`, whether the depth says where the
    faces -x, +x, -y, +y, -z, +z are (the others follow the written size). Accepted objects have
    the refined box, its spread, and in `quality` the scores `reprojection_iou`, `support`,
    `agreement` (1: as written) and `preferred` (probability against the written box); the
    others are as before. Without depth the objects come back unchanged. A box that is not
    upright where `view.up` is known keeps its rotation. `planes` are those of the room
    (`surroundings.room_planes`), where they are at hand.
    """
    config = config or RefineConfig()
    objects = list(objects)
    if view.depth is None or not objects:
        return objects
    planes = room_planes(view) if planes is None else planes
    boxes = [o.box for o in objects]
    before: list[Box3D] = []
    found: list[_Proposal | str] = []
    for _ in range(config.passes):
        last, found = found, []
        same = [b is a for a, b in zip(before, boxes)]
        for i, o in enumerate(objects):
            if last and all(same[:i] + same[i + 1 :]):
                found.append(last[i])  # nothing around it has moved
                continue
            others = boxes[:i] + boxes[i + 1 :]
            found.append(_propose(view, o, others, planes, config))
        before = boxes
        boxes = [
            o.box if isinstance(f, str) or gate(f.quality, f.gain, f.deviation, f.box, config)
            else f.box
            for o, f in zip(objects, found, strict=True)
        ]  # fmt: skip
    return [_reported(o, f, config) for o, f in zip(objects, found, strict=True)]


def gate(
    scores: dict[str, float], gain: float, deviation: float, box: Box3D, config: RefineConfig
) -> str | None:
    """Why a proposed box is not accepted, a key of REASONS, or None.

    `gain` in nats over the written box, `deviation` its largest difference from it in
    deviations.
    """
    if box.corners[:, 2].min() <= 0:
        return "behind-camera"
    if gain < config.min_gain:
        return "no-gain"
    if deviation > config.max_deviation:
        return "disagrees"
    if scores["support"] < config.min_support:
        return "low-support"
    if scores["reprojection_iou"] < config.min_reprojection_iou:
        return "low-reprojection"
    return None


def _propose(
    view: RGBD, o: Object3D, others: Sequence[Box3D], planes: np.ndarray, config: RefineConfig
) -> _Proposal | str:
    evidence = gather(view, o.box, o.spread, others, planes, config)
    if isinstance(evidence, str):
        return evidence
    p, gain, widths, deviation = _search(evidence, config)
    box, turn = to_box(p, evidence, o.box)
    scores = _scores(p, box, evidence, view)
    scores["agreement"] = config.tail / (config.tail + deviation**2)
    scores["preferred"] = float(1 / (1 + np.exp(-min(max(gain, 0.0), 60.0))))
    spread, measured = _spread(widths, box, evidence), _measured(widths, o.box, evidence)
    return _Proposal(box, turn, spread, gain, deviation, measured, scores)


def _search(
    evidence: Evidence, config: RefineConfig
) -> tuple[np.ndarray, float, np.ndarray, float]:
    """The best box, its gain over the written one, the widths of its seven numbers, and its
    largest deviation from the written one."""
    from n3d.lift import refine_kernels as kernels  # numba: imported when first needed

    written, sigma = evidence.written, evidence.sigma
    problem = (*evidence.samples, np.array(astuple(config.costs)), evidence.weight, written,
               sigma, evidence.ground, config.tail)  # fmt: skip
    start = evidence.weight * kernels.misfit(written, *problem[:5])
    start += kernels.doubt(written, *problem[6:])
    best, p = np.inf, written

    def search(moved: np.ndarray) -> None:
        nonlocal best, p
        cost = kernels.search(moved, *problem, config.step, config.rounds)
        if cost < best - 1e-9:
            best, p = cost, moved

    for share in config.starts:
        moved = written * (1 + share)
        moved[3:6] = moved[:3] + (written[3:6] - written[:3])
        moved[:6] += np.tile(share * (written[3:6] - written[:3]) / 2, 2)
        search(moved)
    if sigma[5] > config.lost:
        # Nobody knows how it is turned: small steps from one yaw do not lead to another.
        middle = p
        for turn in config.turns:
            search(_turned(middle, turn))
    widths, away = np.empty(7), np.empty(7)
    kernels.widths(p, *problem, widths)
    kernels.deviations(p, written, sigma, evidence.ground, away)
    return p, float(start - best), widths, float(np.abs(away[:6]).max())


def _turned(p: np.ndarray, turn: float) -> np.ndarray:
    """The seven numbers of a box turned about its own middle."""
    out = p.copy()
    half, (x, _, z) = (p[3:6] - p[:3]) / 2, (p[:3] + p[3:6]) / 2
    c, s = np.cos(turn), np.sin(turn)
    middle = np.array([c * x + s * z, (p[1] + p[4]) / 2, c * z - s * x])
    out[:3], out[3:6], out[6] = middle - half, middle + half, p[6] + turn
    return out


def _scores(p: np.ndarray, box: Box3D, evidence: Evidence, view: RGBD) -> dict[str, float]:
    """How much of the depth in the box's projection is the object's, and whether its rectangle
    fits the samples that are, or that something nearer hides."""
    from n3d.lift import refine_kernels as kernels

    counts = np.empty((3, 4), np.int64)
    where = np.empty(len(evidence.reach), np.int64)
    kernels.tally(p, *evidence.samples, counts, where)
    on = counts[FREE, kernels.INSIDE] + 0.5 * counts[OTHER, kernels.INSIDE]
    against = counts[:, kernels.BEHIND].sum() + counts[ROOM, kernels.INSIDE]
    held = (where == kernels.INSIDE) & (evidence.shows != ROOM) | (where == kernels.BEFORE)
    overlap = 0.0
    if held.any():
        u, v = evidence.pixels[held].T
        seen = (float(u.min()), float(v.min()), float(u.max()), float(v.max()))
        x0, y0, x1, y1 = (float(c) for c in box.project(view.camera))
        overlap = quality.iou((x0, y0, x1, y1), seen, view.camera)
    return {"reprojection_iou": overlap, "support": float(on / max(on + against, 1.0))}


def _spread(widths: np.ndarray, box: Box3D, evidence: Evidence) -> BoxSpread:
    """Deviations of the box whose seven numbers have these; ends count as independent."""
    size = np.empty(3)
    size[evidence.order] = np.hypot(widths[:3], widths[3:6])
    center = WIDER_CENTER * np.sqrt(box.rotation**2 @ (0.5 * size) ** 2)
    return BoxSpread(center, WIDER_SIZE * size, float(widths[6]) if evidence.sigma[5] > 0 else 0.0)


def _measured(widths: np.ndarray, written: Box3D, evidence: Evidence) -> list[bool]:
    """Whether depth says where the faces -x, +x, -y, +y, -z, +z of the box are."""
    known = np.empty((3, 2), bool)
    clear = np.stack([widths[:3], widths[3:6]], axis=1) < MEASURED * evidence.ends[:, None]
    along = (evidence.frame * written.rotation[:, evidence.order]).sum(axis=0)
    clear[along < 0] = clear[along < 0, ::-1]
    known[evidence.order] = clear
    return known.ravel().tolist()


def _reported(o: Object3D, found: _Proposal | str, config: RefineConfig) -> Object3D:
    written = {"written": _plain(o.box)}
    if isinstance(found, str):
        told: dict[str, Any] = {"accepted": False, "reason": found}
        return replace(o, attributes={**o.attributes, **written, "refined": told})
    reason = gate(found.quality, found.gain, found.deviation, found.box, config)
    if reason is not None:
        told = {"accepted": False, "reason": reason, "proposed": _plain(found.box)}
        return replace(o, attributes={**o.attributes, **written, "refined": told})
    told = {"accepted": True, "measured": found.measured}
    return replace(
        o,
        box=found.box,
        spread=found.spread,
        front=None if o.front is None else found.turn @ o.front,
        quality={**o.quality, **found.quality},
        attributes={**o.attributes, **written, "refined": told},
    )


def _plain(box: Box3D) -> dict[str, Any]:
    return {name: getattr(box, name).tolist() for name in ("center", "size", "rotation")}
