"""Which objects of a scene may be asked about, and which of them should be more often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from n3d.errors import ConfigError
from n3d.reason.labels import same_label
from n3d.scene import Object3D, Quantity, Scene

RARE = 0.5
"""A class is drawn in proportion to its number of objects to the power of minus this."""


THINNED = {("count", 1.0): 0.12, ("between", False): 0.47}
"""Answers that scenes give far too often, and which share of them a data set keeps: most classes
occur once, and few things stand between two others."""


@dataclass(frozen=True)
class Gate:
    """An object is fit to be asked about when its `worth` is at least `score`, at least the share
    `visibility` of it is seen (where that is known), and no region of its label lacks a box: "the
    chair" must mean one thing in the picture, not only among the boxes.
    """

    score: float = 0.5
    visibility: float = 0.3

    def __post_init__(self) -> None:
        for name in ("score", "visibility"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(
                    f"is {getattr(self, name)}", code="config-range", field=name, limit="0 to 1"
                )

    def fit(self, scene: Scene) -> tuple[int, ...]:
        """The places of the objects that may be asked about."""
        return tuple(
            i
            for i, o in enumerate(scene.objects)
            if worth(o) >= self.score
            and (o.visibility is None or o.visibility >= self.visibility)
            and not any(same_label(o.label, name) for name in scene.boxless)
        )


def worth(o: Object3D) -> float:
    """The lower of the score of an object and the quality of its box, where that is known."""
    return min(o.score, o.quality.get("score", 1.0))


def weights(scene: Scene, frequency: Mapping[str, int]) -> np.ndarray:
    """How much each object (n,) should be drawn, so that no class and no distance crowds out the
    others: rare labels more often, and every octave of distance of the scene alike.

    `frequency` counts the objects of each label in the whole data set.
    """
    if not scene.objects:
        return np.zeros(0)
    common = np.array([max(frequency.get(o.label, 1), 1) for o in scene.objects], float)
    depth = np.array([max(o.box.center[2], 1e-3) for o in scene.objects])
    octave = np.floor(np.log2(depth)).astype(int)
    crowd = np.array([(octave == o).sum() for o in octave], float)
    return common**-RARE / crowd


def spared(kind: str, value: Any, rng: np.random.Generator) -> bool:
    """Whether a question of a data set is kept, by the answer that it has."""
    told = value.value if isinstance(value, Quantity) else value
    share = THINNED.get((kind, told)) if isinstance(told, bool | float) else None
    return share is None or bool(rng.random() < share)
