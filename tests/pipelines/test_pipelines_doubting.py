"""What makes a box doubtful is said, and nothing is said of a sound one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from n3d.geometry import Box3D, Camera, euler
from n3d.pipelines import doubting
from n3d.scene import RGBD, Object3D, Prediction

CAMERA = Camera(fx=200, fy=200, cx=80, cy=60, width=160, height=120)
VIEW = RGBD(
    np.zeros((120, 160, 3), np.uint8), CAMERA, np.full((120, 160), 2.0, np.float32),
    up=np.array([0.0, -1.0, 0.0]),
)  # fmt: skip
SOUND = {"reprojection_iou": 0.9, "support": 0.95, "depth_gap": 0.95, "truncation": 1.0,
         "density": 0.9, "score": 0.9}  # fmt: skip


def chair(height: float = 0.9, **quality) -> Object3D:
    box = Box3D([0, 0, 2], [0.5, height, 0.5])
    return Object3D("1", "chair", box, quality=SOUND | quality)


def test_of_a_sound_box_nothing_is_said():
    assert list(doubting.doubts(chair(), VIEW)) == []
    told = doubting.explained(Prediction("?", objects=(chair(),)), VIEW)
    assert told.notes == ("no box looks doubtful",)


@pytest.mark.parametrize(
    ("quality", "words"),
    [
        ({"reprojection_iou": 0.3}, "another part of the picture"),
        ({"support": 0.4}, "edges between near and far"),
        ({"depth_gap": 0.5}, "several things"),
        ({"truncation": 0.6}, "border of the picture"),
        ({"density": 0.2}, "no depth"),
    ],
)
def test_each_low_score_has_its_words(quality, words):
    (said,) = doubting.doubts(chair(**quality), VIEW)
    assert words in said
    assert f"{next(iter(quality.values())):.2f}" in said


def test_an_unusual_size_is_told_and_so_is_its_likely_cause():
    (said,) = doubting.doubts(chair(4.0), VIEW)
    assert "4.00 m is large" in said
    assert "perhaps" not in said
    many = [chair(4.0), replace(chair(5.0), id="2"), replace(chair(3.0), id="3")]
    (said,) = doubting.doubts(many[0], VIEW, many)
    assert "depth scale" in said
    blind = replace(VIEW, camera=replace(CAMERA, source="assumed:fov-60"))
    (said,) = doubting.doubts(many[0], blind, many)
    assert "field of view" in said
    (said,) = doubting.doubts(chair(0.1).__class__(
        "1", "red chair", Box3D([0, 0, 2], [0.1, 0.1, 0.1]), quality=SOUND), VIEW)  # fmt: skip
    assert "is small" in said


def test_other_doubts():
    tilted = replace(chair(), box=Box3D([0, 0, 2], [0.5, 0.9, 0.5], euler(pitch=0.6)))
    (said,) = doubting.doubts(tilted, VIEW)
    assert "vertical" in said
    assert not list(doubting.doubts(tilted, replace(VIEW, up=None, up_source="unknown")))
    mirror = replace(chair(), label="mirror")
    assert any("reflect" in s for s in doubting.doubts(mirror, VIEW))
    (said,) = doubting.doubts(replace(chair(), depth_unobserved=True), VIEW)
    assert "one face" in said


def test_notes_name_the_box():
    found = Prediction("?", objects=(chair(), chair(support=0.1)), notes=("first",))
    notes = doubting.explained(found, VIEW).notes
    assert notes[0] == "first"
    assert notes[1].startswith("bbox_1 chair: ")
