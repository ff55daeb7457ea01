"""From one item and its prediction to the values that reports are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from n3d.evaluate import grading, grounding, items, matching, values
from n3d.evaluate.items import Item
from n3d.geometry import Camera
from n3d.scene import Prediction

Entry: TypeAlias = tuple[str, Any]
"""A measure (`reporting.MEASURES`) and one value of it."""
THRESHOLDS = {"25": 0.25, "50": 0.50}


def score(item: Item, prediction: Prediction, camera: Camera, up=None) -> Iterator[Entry]:
    """All values that a prediction gives for an item."""
    if item.absent:
        yield "absent_refused", items.refused(prediction)
    elif item.request != "detect":
        yield "present_refused", items.refused(prediction)
    if item.request == "ask":
        if item.qa is not None:
            yield from _answer(item, prediction, up)
        return
    detect = item.request == "detect"
    by_class = detect or len(item.phrases) > 1
    found = grounding.located(
        prediction.objects, item.true, camera, ignored=item.ignored, by_class=by_class,
        overlapping=detect,
    )  # fmt: skip
    if not detect and item.true:
        yield "mean_iou", found.mean_iou
        for name, threshold in THRESHOLDS.items():
            yield f"acc{name}", found.accuracy(threshold)
    suffix = "" if detect else "_locate"
    for name, threshold in THRESHOLDS.items():
        yield (
            f"boxes_{name}{suffix}",
            matching.count(
                prediction.objects, item.true, threshold, ignored=item.ignored, by_class=by_class
            ),
        )
    for e in found.errors:
        yield "z_rel", e.z_rel
        yield "size_rel", e.size_rel
        if e.center_px is not None:
            yield "center_px", e.center_px
        if e.yaw_deg is not None:
            yield "yaw_deg", e.yaw_deg
    for confidence, iou in found.scored:
        yield "confidence", (min(max(confidence, 0.0), 1.0), iou)


def _answer(item: Item, prediction: Prediction, up) -> Iterator[Entry]:
    assert item.qa is not None
    m = grading.marks(prediction, item.qa, item.around, up)
    yield "answered", prediction.answer is not None
    yield "answer_right", m.right
    yield "answer_right_10pct", m.right_10
    yield "program_right", m.program_right
    yield "chain_right", m.chain_right
    yield "joint", m.joint
    yield "boxes_right", m.boxes_right
    yield "blame", m.grade.blame
    if values.is_clock(item.qa):
        off = 12 if m.hours_off is None else m.hours_off
        yield "clock_exact", off == 0
        yield "clock_within_1", off <= 1
        yield "answer_right_within_1", off <= 1
    else:
        yield "answer_right_within_1", m.right
    if m.relative_error is not None:
        yield "relative_error", m.relative_error
    if m.covered is not None:
        yield "covered", m.covered
    answer = prediction.answer
    if answer is not None and answer.probability is not None:
        yield "probability", (min(max(answer.probability, 0.0), 1.0), m.right)
