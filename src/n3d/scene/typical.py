"""How long the longest side of common things is, in metres, within about a third.

Round figures of everyday objects, vehicles, animals and people; they tell metres from centimetres
and fill in what was not seen, and never stand for a measurement.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

LONGEST: dict[str, float] = {
    "person": 1.7, "pedestrian": 1.7, "cyclist": 1.8, "rider": 1.7, "man": 1.75, "woman": 1.65,
    "bicycle": 1.75, "motorcycle": 2.1, "car": 4.2, "van": 5.0, "truck": 8.0, "bus": 11.0,
    "tram": 25.0, "train": 25.0, "boat": 6.0, "traffic light": 0.9, "fire hydrant": 0.8,
    "stop sign": 2.2, "parking meter": 1.4, "bench": 1.5, "dog": 0.8, "cat": 0.5, "bird": 0.25,
    "horse": 2.3, "sheep": 1.3, "cow": 2.3, "elephant": 5.0, "bear": 1.8, "zebra": 2.3,
    "giraffe": 4.5, "backpack": 0.48, "umbrella": 0.95, "handbag": 0.35, "suitcase": 0.65,
    "frisbee": 0.27, "sports ball": 0.22, "ball": 0.22, "baseball bat": 0.85, "skateboard": 0.8,
    "surfboard": 2.1, "tennis racket": 0.68, "bottle": 0.25, "wine glass": 0.2, "cup": 0.12,
    "mug": 0.12, "fork": 0.19, "knife": 0.22, "spoon": 0.18, "bowl": 0.18, "banana": 0.19,
    "apple": 0.08, "orange": 0.08, "sandwich": 0.15, "pizza": 0.3, "cake": 0.25,
    "chair": 0.9, "armchair": 0.9, "stool": 0.5, "sofa": 2.0, "couch": 2.0, "bed": 2.05,
    "table": 1.4, "dining table": 1.6, "coffee table": 1.1, "desk": 1.4, "night stand": 0.55,
    "cabinet": 1.2, "dresser": 1.2, "wardrobe": 2.0, "bookshelf": 1.8, "shelf": 1.4,
    "toilet": 0.75, "bathtub": 1.65, "sink": 0.6, "refrigerator": 1.75, "oven": 0.7,
    "microwave": 0.5, "toaster": 0.3, "stove": 0.85, "lamp": 0.8, "vase": 0.3, "plant": 0.6,
    "potted plant": 0.6, "mirror": 1.0, "window": 1.4, "door": 2.05, "curtain": 2.0,
    "picture": 0.6, "television": 1.0, "tv": 1.0, "monitor": 0.6, "laptop": 0.36,
    "keyboard": 0.44, "mouse": 0.11, "remote": 0.18, "cell phone": 0.15, "phone": 0.15,
    "book": 0.25, "clock": 0.3, "scissors": 0.2, "teddy bear": 0.4, "pillow": 0.5, "towel": 0.7,
    "trash bin": 0.6, "trash can": 0.6, "box": 0.4, "can": 0.12, "traffic cone": 0.7, "cone": 0.7,
}  # fmt: skip
RANGES: dict[str, tuple[float, float]] = {
    "apple": (0.05, 0.12), "armchair": (0.6, 1.4), "backpack": (0.25, 0.8), "ball": (0.03, 0.8),
    "banana": (0.1, 0.3), "bathtub": (1.2, 2.2), "bed": (1.2, 2.6), "bench": (0.6, 3.5),
    "bicycle": (0.9, 2.1), "bin": (0.15, 1.3), "book": (0.1, 0.45), "bookshelf": (0.5, 3.0),
    "bottle": (0.08, 0.5), "bowl": (0.08, 0.45), "box": (0.04, 1.5), "bus": (5.0, 19.0),
    "cabinet": (0.3, 3.0), "can": (0.06, 0.35), "car": (2.4, 6.5), "cat": (0.2, 0.9),
    "chair": (0.5, 1.4), "clock": (0.05, 1.2), "couch": (1.0, 4.0), "counter": (0.6, 6.0),
    "cup": (0.05, 0.25), "curtain": (0.5, 5.0), "desk": (0.6, 3.0), "dog": (0.2, 1.5),
    "door": (1.5, 3.0), "dresser": (0.5, 2.2), "fork": (0.1, 0.3), "fridge": (0.4, 2.3),
    "kettle": (0.12, 0.4), "keyboard": (0.2, 0.6), "knife": (0.08, 0.5), "lamp": (0.12, 2.3),
    "laptop": (0.2, 0.55), "microwave": (0.3, 0.8), "mirror": (0.1, 3.0), "monitor": (0.25, 1.4),
    "motorcycle": (1.3, 2.8), "mouse": (0.05, 0.2), "mug": (0.06, 0.2), "night stand": (0.3, 1.0),
    "nightstand": (0.3, 1.0), "orange": (0.04, 0.13), "ottoman": (0.3, 1.5), "oven": (0.4, 1.2),
    "painting": (0.1, 4.0), "person": (0.4, 2.2), "phone": (0.08, 0.3), "piano": (0.9, 3.0),
    "picture": (0.08, 4.0), "pillow": (0.2, 1.2), "plant": (0.08, 4.0), "plate": (0.1, 0.4),
    "pot": (0.08, 0.8), "printer": (0.25, 1.5), "refrigerator": (0.4, 2.3), "remote": (0.08, 0.3),
    "rug": (0.3, 8.0), "scissors": (0.07, 0.35), "shelf": (0.25, 4.0), "shoe": (0.1, 0.4),
    "sink": (0.2, 1.8), "sofa": (1.0, 4.5), "speaker": (0.06, 1.8), "spoon": (0.08, 0.45),
    "stool": (0.2, 1.2), "stove": (0.4, 1.2), "suitcase": (0.3, 1.0), "table": (0.3, 4.5),
    "teddy bear": (0.08, 1.5), "television": (0.3, 2.5), "toaster": (0.15, 0.6),
    "toilet": (0.5, 1.1), "traffic light": (0.4, 4.0), "trash bin": (0.15, 1.3),
    "trash can": (0.15, 1.3), "truck": (4.0, 20.0), "tv": (0.3, 2.5), "umbrella": (0.2, 3.0),
    "vase": (0.06, 1.3), "wardrobe": (0.6, 3.5), "washing machine": (0.5, 1.3),
    "window": (0.3, 6.0),
}  # fmt: skip
"""The longest side of nearly all specimens of a class, from and to: wide, to doubt a box by and
never to make one. A figure of LONGEST lies in the range of its class (tested)."""
SPREAD = 0.35
"""Standard deviation of the logarithm of a thing's length around its figure here."""


def longest(label: str) -> float | None:
    """The figure of a label, also in other case or with underscores; None where there is none."""
    name = " ".join(label.lower().replace("_", " ").replace("-", " ").split())
    return LONGEST.get(name)


def log_ratio(labels: Iterable[str], lengths: Iterable[float]) -> tuple[float, int]:
    """(mean log of length over figure, number of things known) of labelled longest sides."""
    found = [
        math.log(length / usual)
        for label, length in zip(labels, lengths)
        if length > 0 and (usual := longest(label)) is not None
    ]
    return (sum(found) / len(found), len(found)) if found else (0.0, 0)
