"""Boxes from anywhere, a tracker or another model's file: ask about them without any picture.

python examples/03_reason_over_boxes.py
"""

import numpy as np

import n3d
from n3d.geometry import Camera
from n3d.scene import RGBD, Object3D

# Metres, in the frame of the camera: x right, y down, z forward. Sizes along the box's own axes.
objects = [
    Object3D("1", "sofa", n3d.Box3D([-0.8, 0.5, 3.0], [1.9, 0.8, 0.9])),
    Object3D("2", "floor lamp", n3d.Box3D([0.7, 0.1, 3.2], [0.3, 1.6, 0.3])),
    Object3D("3", "table", n3d.Box3D([0.0, 0.7, 2.1], [1.0, 0.4, 0.6])),
]
camera = Camera(fx=500, fy=500, cx=320, cy=240, width=640, height=480)
view = RGBD(np.full((480, 640, 3), 255, np.uint8), camera, up=[0, -1, 0])

for question in (
    "How far is the sofa from the floor lamp?",
    "Which is taller, the floor lamp or the sofa?",
    "Is the table in front of the sofa?",
    "How wide is the sofa in feet?",
):
    found = n3d.answer(view, question, objects=objects)
    print(question, found.answer.text)
    for step in found.trace.steps:
        print("   ", step.op, [str(a) for a in step.args], "->", step.out)
    assert found.check.agrees
