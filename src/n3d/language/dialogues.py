"""One conversation about one picture: a request, then boxes and a trace in one reply.

The user's turn is the picture, a line that says how lengths are meant, and the request; the
reply is the boxes, an empty line and the trace. Its answer is the value of the trace, and prose
is rendered from that, never written. A reply that finds nothing is `none`.

    | <image>Scene scale: 5753 (2 m), metric, depth sensor, up 0.00 -1.00 0.00.
    | Which is nearer to the lamp, the mug or the bed?
    |
    | bbox_0=Bbox(mug,5612,...)
    | bbox_1=Bbox(lamp,4310,...)
    | bbox_2=Bbox(bed,5120,...)
    |
    | >>> a = distance(bbox_0, bbox_1)
    | 1.56 m
    | ...

For a tokenizer with tokens of our own (`language.tokens`) boxes and numbers of the same text are
those tokens, and the boxes' block is one line. A caller that has boxes already begins the reply
with them and lets the model go on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from n3d.errors import FormatError
from n3d.geometry import Box3D, Camera
from n3d.language import boxes, grid, labels, questions, tokens, traces
from n3d.language.boxes import Tilt
from n3d.language.grid import Scale
from n3d.language.reading import Parsed
from n3d.scene import RGBD, Object3D, Signatures, Step, Trace

IMAGE = "<image>"
DETECT = "Detect all objects."
LOCATE = "Locate: "
NOTHING = "none\n"
_BETWEEN = "; "


@dataclass(frozen=True)
class Setting:
    """How the numbers of one view are written.

    With a `scale` lengths are relative to it, without they are absolute; with `up` boxes are
    upright. `metric` and `source` are those of the depth. `own` takes tokens of our own.
    """

    camera: Camera
    scale: Scale | None = None
    metric: bool = True
    source: str = "given"
    up: np.ndarray | None = None
    own: bool = False

    @classmethod
    def of(cls, view: RGBD, *, own: bool = False) -> Setting:
        """The setting of a view: relative to its scene scale where it has depth."""
        scale = None if view.depth is None else grid.scene_scale(view.depth)
        return cls(view.camera, scale, view.metric, view.depth_source, view.up, own)

    @property
    def line(self) -> str:
        """What a prompt says about lengths: the scene scale, whether it is in metres, and from
        where; and which way is up.

        The number is that of the length grid, so that relative numbers become absolute ones by
        adding it and taking 7500 away.
        """
        unit = "metric" if self.metric else "not metric"
        size = "none"
        if self.scale is not None:
            index = min(self.scale.index, grid.CELLS - 1)
            size = f"{self._number(index)}" + ("" if self.own else f" ({self.scale.metres:.3g} m)")
        up = "unknown"
        if self.up is not None:
            # A network with tokens of our own is told the direction with the rays of its patches.
            up = "known" if self.own else " ".join(f"{v + 0.0:.2f}" for v in self.up)
        return f"Scene scale: {size}, {unit}, depth {labels.neutralize(self.source)}, up {up}."

    def _number(self, cell: int) -> str:
        return tokens.number(cell) if self.own else f"{cell:04d}"


# -- requests --------------------------------------------------------------------------------


def opening(setting: Setting) -> str:
    """What the user's turn begins with, the same for all requests about a view."""
    return f"{IMAGE}{setting.line}\n"


def locate(phrases: Sequence[str]) -> str:
    """The request for the objects that phrases name; each is cleaned and neutralised."""
    named = [labels.neutralize(questions.clean(p)).replace(";", ",") for p in phrases]
    if not named:
        raise FormatError("names nothing", code="request-empty", field="phrases")
    return LOCATE + _BETWEEN.join(named)


def each(text: str) -> list[str]:
    """The requests for the phrases of `locate` one by one; another request by itself."""
    if not text.startswith(LOCATE):
        return [text]
    return [LOCATE + phrase for phrase in text.removeprefix(LOCATE).split(_BETWEEN)]


def locate_at(setting: Setting, place: Sequence[float]) -> str:
    """The request for the object in a rectangle (x0, y0, x1, y1) or at a point (x, y), pixels.

    Raises FormatError for a place further outside the image than the grid reaches.
    """
    pixels = np.asarray(place, dtype=float)
    if pixels.shape not in ((2,), (4,)) or not np.isfinite(pixels).all():
        raise FormatError("must be a point or a rectangle", code="request-place", field="place")
    sides = [setting.camera.width, setting.camera.height]
    cells = grid.uv_cells(pixels.reshape(-1, 2) / sides).ravel()
    numbers = ("" if setting.own else ",").join(setting._number(int(c)) for c in cells)
    return f"{LOCATE}[{numbers}]"


def ask(question: str) -> str:
    """The request of a question; it is cleaned and neutralised."""
    return labels.neutralize(questions.clean(question))


# -- replies ---------------------------------------------------------------------------------


def write_boxes(objects: Sequence[Object3D], setting: Setting, *, tilt: Tilt = "refuse") -> str:
    """The first block of a reply, with its last newline. Raises as `boxes.write` does."""
    if not objects:
        return NOTHING
    text = boxes.write(objects, setting.camera, up=setting.up, scale=setting.scale, tilt=tilt)
    return tokens.to_tokens(text) + "\n" if setting.own else text


def write_trace(trace: Trace, setting: Setting) -> str:
    """The second block of a reply; `bbox_i` is the i-th box of the first."""
    text = traces.write(trace)
    return tokens.refs_to_tokens(text) if setting.own else f"\n{text}"


def write(
    objects: Sequence[Object3D], trace: Trace | None, setting: Setting, *, tilt: Tilt = "refuse"
) -> str:
    """The reply of some boxes and a trace; without a trace that to a request to locate."""
    told = "" if trace is None else write_trace(trace, setting)
    return write_boxes(objects, setting, tilt=tilt) + told


@dataclass(frozen=True)
class Reply:
    """What a model's reply holds: objects and steps; `split` is where the steps begin."""

    objects: Parsed[Object3D]
    steps: Parsed[Step]
    split: int


_TRACE = re.compile(r"(?:\A|\n)\n?(?=>>> )")


def read(text: str, signatures: Signatures, setting: Setting) -> Reply:
    """The blocks of a model's reply; what is wrong in them are faults, never an exception.

    Boxes of the trace are places in `objects.items`, also where a box could not be read.
    """
    found = _TRACE.search(text)
    split = found.end() if found else len(text)
    objects = read_boxes(text[:split], setting)
    session = text[split:]
    if setting.own:
        session = tokens.refs_from_tokens(session)
    if not session:
        return Reply(objects, Parsed(()), split)
    return Reply(
        objects, traces.parse(session, signatures, where=objects.where, whole=False), split
    )


def read_boxes(text: str, setting: Setting) -> Parsed[Object3D]:
    """The objects of a reply's first block; the text `none` is no fault."""
    if text.strip() == NOTHING.strip():
        return Parsed(())
    if setting.own:
        text = tokens.from_tokens(text)
    return boxes.read(text, setting.camera, up=setting.up, scale=setting.scale)


def as_written(box: Box3D, setting: Setting, *, tilt: Tilt = "refuse") -> Box3D:
    """The box that a reader of its text gets back."""
    cells = boxes.encode(box, setting.camera, up=setting.up, tilt=tilt)
    return boxes.decode(cells, setting.camera, up=setting.up)
