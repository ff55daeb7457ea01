"""What is asked and answered: quantities, traces, queries, questions, predictions, checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from n3d.errors import TraceError
from n3d.scene.objects import Object3D
from n3d.scene.pictures import Provenance

Unit = Literal["m", "m2", "m3", "rad", "h", "1"]
UNITS: tuple[str, ...] = ("m", "m2", "m3", "rad", "h", "1")


@dataclass(frozen=True)
class Ref:
    """`bbox_i`: the object at `index` of the scene's or prediction's objects."""

    index: int

    def __str__(self) -> str:
        return f"bbox_{self.index}"


@dataclass(frozen=True)
class Var:
    """The result of an earlier step, by name."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Quantity:
    """A number with a unit: metres and their powers, radians, clock hours "h", counts "1".

    `sigma` is its standard deviation where known. `of` is the object that was measured (the
    first object argument of the operation), so that comparing two quantities can name an
    object; it is provenance and takes no part in equality.
    """

    value: float
    unit: Unit = "m"
    sigma: float | None = field(default=None, compare=False)
    of: Ref | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise TraceError(
                f"unknown unit {self.unit!r}", code="trace-unit", limit=", ".join(UNITS)
            )


Value = Quantity | bool | str | Ref | tuple["Value", ...]
"""What a step may give: a quantity, yes or no, a word, an object, or a list of these."""

Arg = Ref | Var | Quantity | str | tuple["Arg", ...]
"""What a step may take: an object, an earlier result, a literal number or word, a list."""


@dataclass(frozen=True)
class Signature:
    """The type of an operation, e.g. distance(box, box) -> quantity.

    Kinds are "box", "boxes", "quantity", "quantities", "text", "bool", "any"; a name that ends
    in "?" is optional. `words` lists the texts allowed where an argument is "text".
    """

    op: str
    args: tuple[str, ...]
    returns: str
    words: tuple[str, ...] = ()
    summary: str = ""


Signatures = Mapping[str, Signature]


@dataclass(frozen=True)
class Step:
    """One operation and its written result; `name` binds the result for later steps."""

    op: str
    args: tuple[Arg, ...]
    out: Value
    name: str | None = None


@dataclass(frozen=True)
class Trace:
    """Steps that lead to an answer: the value of the last one. Never empty."""

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        if not self.steps:
            raise TraceError("a trace has at least one step", code="trace-empty")

    @property
    def answer(self) -> Value:
        return self.steps[-1].out


@dataclass(frozen=True)
class Query:
    """What `understand` makes of a question: a kind, the object phrases it names, options.

    Options hold what the words fix beyond the kind: "unit" (asked for), "view" ("opposite"),
    "rule" (of the clock), "definition", "direction", "superlative", ...
    """

    kind: str
    names: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    question: str = ""


@dataclass(frozen=True)
class Answer:
    """An answer for people and machines.

    `value` is the trace's value; `number` and `unit` are it in the unit asked for (None where
    the answer is not a number); `interval` (low, high) in the same unit and `probability` (of
    a yes/no or choice) come from replaying on sampled boxes and hold `level` of the samples.
    """

    text: str
    value: Value
    number: float | None = None
    unit: str | None = None
    interval: tuple[float, float] | None = None
    probability: float | None = None
    level: float = 0.9


@dataclass(frozen=True, eq=False)
class QA:
    """A question about a scene with the trace that answers it.

    A request to locate has no trace: the value of its answer is its `objects`, none where what
    it names is absent, and its query's names are the phrases; the option "place" is a rectangle
    in pixels. `attributes` are notes to filter and count by.
    """

    scene_id: str
    kind: str
    question: str
    trace: Trace | None
    answer: Answer
    query: Query | None = None
    objects: tuple[int, ...] = ()
    id: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def program(self) -> Trace:
        """The trace; TraceError for a request to locate, which has none."""
        if self.trace is None:
            raise TraceError("a request to locate has no trace", code="trace-none")
        return self.trace


@dataclass(frozen=True)
class Check:
    """The result of a replay: whether every step agrees, else the first that does not.

    `step` is its index, `expected` what replay got and `got` what was written.
    """

    agrees: bool
    step: int | None = None
    expected: Value | None = None
    got: Value | None = None
    interval: tuple[float, float] | None = None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a grounder and reasoner made of a question; `fault` says what went wrong, or None.

    `up` is the unit vector against gravity that the trace was run with, where one is known.
    """

    question: str
    text: str = ""
    objects: tuple[Object3D, ...] = ()
    trace: Trace | None = None
    answer: Answer | None = None
    check: Check | None = None
    fault: str | None = None
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    up: tuple[float, float, float] | None = None


Blame = Literal["none", "format", "grounding", "program", "arithmetic"]


@dataclass(frozen=True)
class Grade:
    """Whether a prediction is right and, if not, what is to blame."""

    right: bool
    box_error: float | None = None
    blame: Blame = "none"
