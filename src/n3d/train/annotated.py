"""Views to practise on out of annotated pictures: 2D annotations with depth, lifted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from n3d import lift, sources
from n3d.errors import ConfigError, FormatError, N3DError
from n3d.language import dialogues
from n3d.language.dialogues import Setting
from n3d.reason import gating, labels
from n3d.scene import RGBD, Object3D, Picture
from n3d.train.views import Known, body

SOURCES = ("coco",)
T = TypeVar("T")


@dataclass(frozen=True)
class Annotated:
    """Where annotated pictures are, as `n3d lift` takes them: `source` "coco", the file of
    `annotations`, the folders of `images` and of `depth` ("sensor:FOLDER"), and a `camera` file or
    folder or a field of view (`fov`, degrees) where the annotations do not hold it.

    Objects whose lifted box scores at least `least` are targets. What is annotated but is none is
    neither asked for nor denied. What an image does not have is drawn from the annotated labels,
    of which each image is taken to show all there are.
    """

    annotations: str
    images: str
    depth: str
    camera: str = ""
    fov: float = 0.0
    source: str = "coco"
    least: float = 0.5

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ConfigError(
                f"is {self.source!r}", code="source", field="source", limit=", ".join(SOURCES)
            )
        if not 0 <= self.least <= 1:
            raise ConfigError(
                f"is {self.least}", code="config-value", field="least", limit="0 to 1"
            )


def pictures(data: Annotated) -> Iterator[Picture]:
    """The pictures of a data set in their order; what cannot be used of it is passed over."""
    options = {"fov": data.fov} if data.fov else {}
    found = sources.coco.read(
        data.annotations, data.images, depth=data.depth, camera=data.camera or None,
        options=options,
    )  # fmt: skip
    return (p for p in found if isinstance(p, Picture))


def knowns(data: Annotated, first: int, last: int) -> Iterator[tuple[int, Known]]:
    """Pictures `first` to `last` (not included) with what is known about them, by number.

    A picture that cannot be decoded or lifted is passed over.
    """
    names = vocabulary(data)
    for index, picture in enumerate(run(data, pictures, first, last), first):
        with contextlib.suppress(N3DError):
            yield index, known(sources.load(picture), names, data.least)


_open: dict[Any, tuple[int, Iterator[Any]]] = {}
"""Where this process is in a file: shards follow one another, and are not to read it again each."""


def run(data: T, read: Callable[[T], Iterator[Any]], first: int, last: int) -> Iterator[Any]:
    """What `read(data)` yields from `first` to `last` (not included); a run after the one before
    goes on where that ended."""
    at, stream = _open.pop(data, (0, None))
    if stream is None or at > first:
        at, stream = 0, read(data)
    yield from islice(stream, first - at, last - at)
    _open[data] = last, stream


@lru_cache(maxsize=4)
def vocabulary(data: Annotated) -> tuple[str, ...]:
    """The labels of a data set, each once."""
    found = {r.label for p in pictures(data) for r in p.regions}
    return tuple(sorted(found))


def known(picture: Picture, names: tuple[str, ...], least: float) -> Known:
    """What is known about a decoded picture; its targets are lifted well, and told from all else
    that is annotated."""
    assert picture.rgbd is not None
    lifted = lift.lift_view(picture.rgbd, picture.regions)
    view = picture.rgbd
    if lifted.up is not None and view.up is None:
        view = view.with_up(lifted.up, lifted.up_source)
    lost = sorted(set(lift.boxless(picture, lifted)))
    return arranged(view, lifted.objects, names, least, lost)[0]


def arranged(
    view: RGBD,
    objects: Sequence[Object3D],
    names: tuple[str, ...],
    least: float,
    lost: Sequence[str],
) -> tuple[Known, list[int]]:
    """A view of which `objects` are known, and for each its place among those of the result.

    Targets are worth at least `least` and of no label in `lost`, whose things have no box.
    """
    setting = Setting.of(view, own=True)
    targets: list[tuple[float, int, Object3D, str]] = []
    others: list[tuple[int, Object3D]] = []
    for i, o in enumerate(objects):
        text = ""
        doubtful = gating.worth(o) < least or any(labels.same_label(o.label, n) for n in lost)
        if not doubtful:
            with contextlib.suppress(FormatError):
                text = dialogues.write_boxes([o], setting, tilt="hull")
        if not text:
            others.append((i, o))
            continue
        box = dialogues.read_boxes(text, setting).items[0].box
        u = float(setting.camera.project(box.center)[0])
        targets.append((u, i, replace(o, box=box), body(text)))
    targets.sort(key=lambda t: t[:2])
    order = [*((i, o) for _, i, o, _ in targets), *others]
    found = tuple(o for _, o in order)
    places = [0] * len(order)
    for place, (i, _) in enumerate(order):
        places[i] = place
    bodies = tuple(t for *_, t in targets)
    return Known(view, setting, found, bodies, _ids(view, found), names, tuple(lost)), places


def _ids(view: RGBD, objects: tuple[Object3D, ...]) -> np.ndarray:
    """Which object each pixel (h, w) shows, -1 for none: by masks, where there are none by what
    lies within the rectangle at about the depth of the box. Smaller things stand before larger."""
    ids = np.full((view.height, view.width), -1, np.int32)
    seen: list[tuple[int, Any]] = []
    for i, o in enumerate(objects):
        r = o.region
        if r is None:
            continue
        mask = r.mask if r.mask is not None else lift.segment_rectangle(view, r.rectangle)
        seen.append((i, mask))
    for i, mask in sorted(seen, key=lambda s: -int(s[1].sum())):
        ids[mask] = i
    return ids
