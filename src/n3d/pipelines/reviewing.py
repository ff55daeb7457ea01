"""What a browser of a data set shows of its pictures, and what it writes of a person's words."""

from __future__ import annotations

import contextlib
import functools
import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from n3d import sources
from n3d.errors import ConfigError, InputError
from n3d.lift import gate
from n3d.pipelines import browsing
from n3d.pipelines.browsing import Library, Wanted
from n3d.reason import gating
from n3d.scene import RGBD, Object3D, Scene, journals, reviews
from n3d.scene.reviews import Review, Reviews
from n3d.view import pages, palette, wording

LOCK = "reviews.log"
SMALL, LARGE = 480, 1400
POINTS = 60_000


@dataclass(eq=False)
class Table:
    """A data set laid out for review: its `library`, its pictures in `images` and `depth`, and
    what was said. One process at a time writes reviews; `writes` is False where none may."""

    library: Library
    images: Path
    depth: Path | None = None
    said: Reviews = field(init=False)
    writes: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.said = Reviews.read(self.library.folder)

    @contextlib.contextmanager
    def alone(self):
        """Hold the file of reviews; ConfigError where another process does. In a folder that
        cannot be written the table is for looking only."""
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(journals.alone(self.library.folder / LOCK))
                self.writes = True
            except ConfigError as e:
                if e.code != "output-unwritable":
                    raise
            yield self

    # -- what is shown --------------------------------------------------------------------

    def about(self) -> dict[str, Any]:
        """The data set: counts, what to choose from, what was said so far."""
        m = self.library.manifest
        return {
            "name": self.library.folder.resolve().name,
            "kept": m.kept,
            "dropped": m.dropped,
            "reviews": self.said.counts(),
            "writes": self.writes,
            "solid": self.depth is not None,
            "told": gate.REASONS,
            **self.library.facets(),
        }

    def sheet(self, wanted: Wanted, start: tuple[int, int]) -> dict[str, Any]:
        """The next pictures that are looked for, as cards."""
        found = self.library.search(wanted, self.said, start)
        cards = [
            _card(f.scene, f.at, self.said.of(f.scene.id), set(f.matching)) for f in found.items
        ]
        return {"cards": cards, "next": browsing.written(found.next)}

    def lost(self, reason: str, start: tuple[int, int]) -> dict[str, Any]:
        """The next records that were dropped."""
        found = self.library.lost(reason, start)
        told = [
            {"id": d.id, "reason": d.reason, "detail": d.detail, "at": browsing.written(d.at)}
            for d in found.items
        ]
        return {"drops": told, "next": browsing.written(found.next)}

    def picture(self, at: tuple[int, int]) -> dict[str, Any]:
        """All that is known of a picture and its objects, as reviewed."""
        scene = self.library.scene(at)
        told = self.said.of(scene.id)
        found = _card(scene, at, told, set())
        for shown, lifted in zip(found["objects"], scene.objects):
            said = told.get(lifted.id)
            shown |= _numbers(reviewed(lifted, said, scene.up), lifted, scene, said)
        up = scene.up
        return found | {
            "up": None if up is None else up.tolist(),
            "boxless": list(scene.boxless),
            "facts": _facts(scene),
        }

    def space(self, at: tuple[int, int]) -> str:
        """The picture in 3D as a page that turns, its boxes in the order of `picture`; the boxes
        alone where the image is not there."""
        scene = self.library.scene(at)
        told = self.said.of(scene.id)
        objects = tuple(reviewed(o, told.get(o.id), scene.up) for o in scene.objects)
        shown = replace(scene, objects=objects)
        try:
            view = self._view(scene, self.depth)
        except InputError as e:
            if e.code != "image-missing":
                raise
            view = None
        data = pages.parts(shown, view=view, most_points=POINTS, picture=False)
        return pages.fill("The scene in 3D", data | {"bare": True})

    def image(self, at: tuple[int, int], large: bool) -> bytes:
        """The picture as JPEG."""
        return _jpeg(self, at, LARGE if large else SMALL)

    def _view(self, scene: Scene, depth: Path | None) -> RGBD:
        found = sources.reopening.reopen(_plain(scene), self.images, depth).rgbd
        assert found is not None
        return found

    # -- what is said ---------------------------------------------------------------------

    def review(self, at: tuple[int, int], record: Mapping[str, Any]) -> dict[str, Any]:
        """Write what a person says of the picture at a place, and what it is then.

        Raises InputError for what is no review, an object that is not there, or a box that
        cannot be, and ConfigError where it cannot be written.
        """
        if not self.writes:
            raise ConfigError(
                "the folder of the data set cannot be written", code="review-read-only",
                file=self.library.folder,
            )  # fmt: skip
        scene = self.library.scene(at)
        review = Review.from_json({**record, "scene": scene.id})
        if review.object is not None:
            named = [o for o in scene.objects if o.id == review.object]
            if not named:
                raise InputError(
                    f"scene {scene.id} has no object {review.object[:80]!r}",
                    code="review-object", field="object",
                )  # fmt: skip
            reviewed(named[0], review, scene.up)
        with self._lock:
            self._refresh()
            self.said.add(review)
        return {"picture": self.picture(at), "reviews": self.said.counts()}

    def _refresh(self) -> None:
        """Take what was written into the file by hand meanwhile."""
        path = self.said.journal.path
        size = path.stat().st_size if path.exists() else 0
        if size != self.said.journal.size:
            self.said = Reviews.read(self.library.folder)


def reviewed(o: Object3D, said: Review | None, up: np.ndarray | None) -> Object3D:
    """The object as a review says, whether or not it is left out."""
    return o if said is None else reviews.edited(o, said, up)


def _plain(scene: Scene) -> Scene:
    """The scene without its regions, which a view does not need."""
    return replace(scene, objects=())


@functools.lru_cache(maxsize=256)
def _jpeg(table: Table, at: tuple[int, int], side: int) -> bytes:
    view = table._view(table.library.scene(at), None)
    image, out = Image.fromarray(view.image), io.BytesIO()
    image.thumbnail((side, side))
    image.save(out, "JPEG", quality=86)
    return out.getvalue()


# -- as JSON ------------------------------------------------------------------------------


def _card(
    scene: Scene, at: tuple[int, int], told: Mapping[str | None, Review], matching: set[str]
) -> dict[str, Any]:
    camera = scene.camera
    names = ("fx", "fy", "cx", "cy", "width", "height")
    return {
        "at": browsing.written(at),
        "id": scene.id,
        "licence": scene.licence,
        "source": scene.source,
        "camera": None if camera is None else {k: getattr(camera, k) for k in names},
        "rejected": None in told,
        "objects": [
            _thing(i, reviewed(o, told.get(o.id), scene.up), o, told.get(o.id), o.id in matching)
            for i, o in enumerate(scene.objects)
        ],
    }


def _thing(
    index: int, o: Object3D, lifted: Object3D, said: Review | None, matching: bool
) -> dict[str, Any]:
    colour = palette.of_index(index)
    return {
        "id": o.id,
        "label": o.label,
        "worth": round(gating.worth(lifted), 3),
        "said": None if said is None else said.verdict,
        "matching": matching,
        "center": _rounded(o.box.center),
        "corners": _rounded(np.asarray(o.box.corners).ravel()),
        "colour": list(colour),
        "ink": list(palette.ink_on(colour)),
    }


def _numbers(o: Object3D, lifted: Object3D, scene: Scene, said: Review | None) -> dict[str, Any]:
    """The numbers of an object, and what its edit starts from."""
    visibility = o.visibility
    return {
        "size": _rounded(o.box.size),
        "rotation": [_rounded(row) for row in np.asarray(o.box.rotation)],
        "yaw": round(reviews.yaw(o.box, scene.up), 6),
        "score": round(float(o.score), 3),
        "visibility": None if visibility is None else round(float(visibility), 3),
        "quality": {k: round(float(v), 3) for k, v in sorted(lifted.quality.items())},
        "extent": o.extent,
        "depth_unobserved": o.depth_unobserved,
        "edited": [] if said is None else list(said.edited),
        "note": "" if said is None else said.note,
        "lifted": {
            "label": lifted.label,
            "center": _rounded(lifted.box.center),
            "size": _rounded(lifted.box.size),
            "yaw": round(reviews.yaw(lifted.box, scene.up), 6),
        },
    }


def _facts(scene: Scene) -> list[list[str]]:
    """What is told of a picture as a whole, in words."""
    told = [
        ("image", scene.image),
        ("source", scene.source),
        ("licence", scene.licence),
        ("origin", wording.provenance(scene.provenance)),
        ("seen, without a box", ", ".join(scene.boxless)),
    ]
    return [[name, text] for name, text in told if text]


def _rounded(values: Any) -> list[float]:
    return [round(float(v), 5) for v in values]


def table(folder: Path, images: Path, depth: str | None) -> Table:
    """The data set of a folder laid out for review; InputError where a folder is not there."""
    deep = None if depth is None else Path(depth.removeprefix("sensor:"))
    for name, path in (("--images", images), ("--depth", deep)):
        if path is not None and not path.is_dir():
            raise InputError("is no folder", code="folder-missing", file=path, field=name)
    return Table(Library(folder), images, deep)
