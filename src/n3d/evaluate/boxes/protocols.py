"""The protocols that mark boxes, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from n3d.errors import ConfigError
from n3d.evaluate.boxes import (
    confidence,
    corner_distances,
    distances,
    indoor,
    omni3d,
    pairing,
    paper,
    projecting,
    queries,
    scaling,
    tables,
)
from n3d.evaluate.boxes.tables import Table, Truth

NEAR_LABELLED = ("objectron", "sunrgbd")
"""Data sets that are not labelled in full, by their names: the proximity rule applies."""
PRINTED = ("AP", "AP15", "AP25", "AP50", "APn", "APm", "APf")
"""The names that Omni3D prints its numbers under."""
NEARNESS = ("auto", "on", "off")


@dataclass(frozen=True)
class Options:
    """What a protocol may be told: the proximity rule, the seed of intervals."""

    proximity: str = "auto"
    seed: int = 0


Report: TypeAlias = Callable[[Table, Truth, Options], dict[str, Any]]


def evaluate(name: str, found: Table, true: Truth, options: Options | None = None):
    """The report of a protocol; ConfigError for one that does not exist, or boxes that it cannot
    be applied to."""
    report = find(name)
    if name != "n3d-paper" and not true.boxes.known.all():
        raise ConfigError(
            f"{name} needs a 3D box for each true object", code="protocol-boxes", field="--truth",
            hint="n3d-paper takes rectangles alone",
        )  # fmt: skip
    return report(found, true, options or Options())


def find(name: str) -> Report:
    """The protocol of a name; ConfigError for another."""
    if name not in PROTOCOLS:
        raise ConfigError(
            f"unknown protocol {name[:40]!r}", code="protocol", field="--protocol",
            limit=", ".join(PROTOCOLS),
        )  # fmt: skip
    return PROTOCOLS[name]


def nearness(true: Truth, asked: str) -> bool:
    """Whether the proximity rule applies: as asked, or by the name of the data set."""
    if asked not in NEARNESS:
        raise ConfigError(f"is {asked[:20]!r}", code="config-value", field="--proximity",
                          limit=", ".join(NEARNESS))  # fmt: skip
    name = true.dataset.lower().replace("_", "").replace("-", "").replace(" ", "")
    return asked == "on" or (asked == "auto" and any(n in name for n in NEAR_LABELLED))


def _omni3d(found: Table, true: Truth, options: Options) -> dict[str, Any]:
    near = nearness(true, options.proximity)
    found, true = _with_rectangles(found, true)
    out: dict[str, Any] = {"mode": confidence.mode(found), "proximity": near}
    if near and (np.isnan(found.rectangle).any() or np.isnan(true.boxes.rectangle).any()):
        raise ConfigError(
            "needs the 2D rectangles of all boxes", code="proximity", field="--proximity",
            hint="Give bbox in both files, or cameras in the truth, or turn it off",
        )  # fmt: skip
    g = tables.groups(found, true.boxes, most=omni3d.MOST[-1])
    worth = omni3d.box_ious(found, true.boxes, g)
    if found.scored:
        solid = omni3d.evaluate(found, true.boxes, proximity=near, worth=worth, grouped=g)
        out |= dict(zip(PRINTED, list(solid.values())[:7]))
        out["ap3d"] = _by_name(solid, true)
        out |= _by_rectangles(found, true, near)
    else:
        out |= {"ap3d": None, "note": "all scores are equal or absent: there is no ranking"}
    whole = tables.groups(found, true.boxes, most=None)
    of_all = omni3d.box_ious(found, true.boxes, whole)
    out["detection"] = {
        f"{t:.2f}": pairing.detection(found, true.boxes, whole, of_all, t) for t in paper.THRESHOLDS
    }
    out["confidence"] = confidence.report(found, true.boxes, whole, of_all)
    return out


def _with_rectangles(found: Table, true: Truth) -> tuple[Table, Truth]:
    """Boxes without a rectangle get their projection cut to the image, where there is a camera."""
    shown = projecting.rectangles(found, true, "clipped")
    given = ~np.isnan(found.rectangle[:, :1])
    boxes = replace(true.boxes, rectangle=projecting.true_rectangles(true))
    return replace(found, rectangle=np.where(given, found.rectangle, shown)), replace(
        true, boxes=boxes
    )


def _by_rectangles(found: Table, true: Truth, near: bool) -> dict[str, Any]:
    """What needs the 2D rectangles of predictions and of true boxes."""
    flat = np.concatenate([found.rectangle[:, 0], true.boxes.rectangle[:, 0]])
    if np.isnan(flat).any() or not len(found):
        return {"ap2d": None, "ap_rel_3d": None, "nhd": None}
    table = true.boxes
    if true.ignored_2d is not None:
        table = replace(table, ignored=true.ignored_2d)
    moved = scaling.rescaled(found, true.boxes, len(true.images))
    return {
        "ap2d": _by_name(omni3d.evaluate(found, table, in_2d=True), true),
        "ap_rel_3d": omni3d.evaluate(moved, true.boxes, proximity=near)["ap"],
        "nhd": corner_distances.evaluate(found, true.boxes),
    }


def _by_name(found: dict[str, Any], true: Truth) -> dict[str, Any]:
    """Categories by their names; those without true boxes have none."""
    for key, value in list(found.items()):
        if key.endswith("by_category"):
            found[key] = {
                true.categories[k]: v
                for k, v in value.items()
                if v is not None and k < len(true.categories)
            }
    return found


def _target_aware(found: Table, true: Truth, options: Options) -> dict[str, Any]:
    """Only categories that the image's annotation has are asked for, so only those count."""
    kinds = max(len(true.categories), int(found.category.max(initial=0)) + 1)
    there = np.zeros((len(true.images), kinds), bool)
    there[true.boxes.image, true.boxes.category] = True
    asked = there[found.image, found.category]
    out = _omni3d(found.take(asked), true, options)
    return {"not_asked_for": int((~asked).sum()), **out}


def _centre_distance(found: Table, true: Truth, options: Options) -> dict[str, Any]:
    out: dict[str, Any] = {"mode": confidence.mode(found)}
    if not found.scored:
        out["note"] = "all scores are equal: their order in the file decides"
    return {**out, **_by_name(distances.evaluate(found, true.boxes), true)}


def _indoor(found: Table, true: Truth, options: Options) -> dict[str, Any]:
    return _by_name(indoor.evaluate(found, true.boxes), true)


PROTOCOLS: dict[str, Report] = {
    "n3d-paper": lambda f, t, o: paper.evaluate(f, t, seed=o.seed),
    "omni3d": _omni3d,
    "target-aware": _target_aware,
    "centre-distance": _centre_distance,
    "scanrefer": lambda f, t, o: queries.evaluate(f, t, seed=o.seed),
    "sunrgbd-ap15": _indoor,
}
