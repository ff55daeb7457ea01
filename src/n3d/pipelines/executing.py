"""Boxes that are known, and the program of each question run on them: what grounding is worth.

"true-boxes" has the true boxes of all that can be seen: what it gets wrong is not the fault of any
box, so it is the ceiling of a model that answers in steps. "lifted-boxes" lifts the true 2D regions
with the depth that is given: what a perfect 2D detector would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from n3d import lift
from n3d.errors import InputError, N3DError
from n3d.evaluate import taking
from n3d.evaluate.items import Predictor, Sitting
from n3d.pipelines.parts import Parts
from n3d.scene import RGBD, Object3D, Prediction

NAMES = ("true-boxes", "lifted-boxes")


class Known:
    """A grounder to which all objects of a view are known; phrases are told apart by the boxes."""

    def __init__(self, objects: Sequence[Object3D]) -> None:
        self.objects = tuple(objects)
        self.vocabulary = tuple(dict.fromkeys(o.label for o in self.objects))

    def ground(self, view: RGBD, names: Sequence[str]) -> list[Object3D]:
        """All objects, whatever they are called."""
        return list(self.objects)

    def detect(self, view: RGBD) -> list[Object3D]:
        """All objects."""
        return list(self.objects)


def predictor(name: str) -> Predictor:
    """The predictor of one of NAMES."""
    boxes = true if name == "true-boxes" else lifted

    def predict(sitting: Sitting) -> list[Prediction]:
        try:
            found = boxes(sitting)
        except N3DError as e:
            return [Prediction(i.text, fault=f"{e.code}: {e.message}") for i in sitting.items]
        parts: Any = Parts(Known(found))
        return list(taking.of_model(parts)(sitting))

    return predict


def true(sitting: Sitting) -> list[Object3D]:
    """The true objects that can be seen."""
    return [replace(o, region=None) for o in sitting.objects]


def lifted(sitting: Sitting) -> list[Object3D]:
    """Their 2D regions, lifted. InputError where the view has no depth, or no region is known."""
    if sitting.view.depth is None:
        raise InputError("is needed to lift regions", code="depth-missing", field="depth")
    regions = []
    for o in sitting.objects:
        if o.region is not None:  # colours and the like are seen in 2D
            told = {**{k: v for k, v in o.attributes.items() if isinstance(v, str)},
                    **o.region.attributes}  # fmt: skip
            regions.append(replace(o.region, attributes=told))
    if not regions:
        raise InputError("no 2D region of its objects is known", code="regions-missing",
                         field="scenes")  # fmt: skip
    return [replace(o, region=None) for o in lift.lift_view(sitting.view, regions).objects]
