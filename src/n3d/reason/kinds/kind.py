"""What a kind of question is: how it is said, what is computed, when it may be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from n3d.errors import QuestionError
from n3d.reason.programs import Program
from n3d.reason.templates import Template, Words
from n3d.scene import Ref

Options = Mapping[str, Any]
Build = Callable[[Program, list[Ref], Options], object]

# Operations that SpatialRGPT-Bench defines differently (evaluation of its authors' code).
DEFINITIONS: dict[str, dict[str, str]] = {
    "spatialrgpt": {
        "width": "camera_width",
        "height": "camera_height",
        "horizontal_distance": "camera_horizontal_distance",
        "vertical_distance": "camera_vertical_distance",
        "depth": "nearest_depth",
    }
}
DEFINITIONS["camera"] = {k: DEFINITIONS["spatialrgpt"][k] for k in ("width", "height")}


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of question.

    `slots` name the objects of the question in the order of `Query.names`: "list" stands for
    two or more, "label" for all objects of a label. `defaults` are options that need not be
    said. `asked` patterns are written and read,
    `heard` ones only read. `build` writes the steps; its refs come in the order of the slots.
    `propose(stage, rng)` draws what to ask about in a scene, or None.
    """

    name: str
    group: str
    description: str
    example: str
    slots: tuple[str, ...]
    asked: tuple[str, ...]
    build: Build
    propose: Callable[..., Any]
    heard: tuple[str, ...] = ()
    words: Words = field(default_factory=dict)
    unit: str | None = None
    views: bool = False
    defaults: Options = field(default_factory=dict)

    @cached_property
    def asking(self) -> tuple[Template, ...]:
        return tuple(Template(p, self.words) for p in self.asked)

    @cached_property
    def hearing(self) -> tuple[Template, ...]:
        return (*self.asking, *(Template(p, self.words) for p in self.heard))


def named(options: Options, op: str) -> str:
    """The operation behind `op` under the definition asked for; QuestionError where boxes
    cannot give it."""
    definition = options.get("definition")
    if definition is None:
        return op
    if definition not in DEFINITIONS:
        raise QuestionError(
            f"unknown definition {str(definition)[:40]!r}",
            code="definition-unknown",
            field="definition",
            limit=", ".join(DEFINITIONS),
        )
    if definition == "spatialrgpt" and op in ("distance", "gap"):
        raise QuestionError(
            "SpatialRGPT's distance is the mean nearest-neighbour distance of two point clouds, "
            "which boxes do not have",
            code="definition-unavailable",
            field="definition",
            hint="Leave the definition out for the distance between centres",
        )
    return DEFINITIONS[definition].get(op, op)
