"""What a person said of a data set of scenes: a file that only grows, honoured by all who read it.

`FOLDER/reviews.jsonl` holds one Review a line; the last word about an object, or about a whole
picture, counts. The shards stay as they were lifted: `read` gives the scenes as reviewed.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from n3d.errors import GeometryError, InputError, N3DError
from n3d.geometry import Box3D, axis_rotation, upright
from n3d.scene import fields, shards
from n3d.scene.fields import Fields
from n3d.scene.journals import Journal
from n3d.scene.objects import Object3D, Scene
from n3d.scene.pictures import Drop

FILE = "reviews.jsonl"
KEYS = ("scene", "object")
VERDICTS = ("accept", "reject", "edit", "undo")
OF_PICTURES = ("reject", "undo")
FARTHEST = 1e4
"""Metres; no box of a picture is larger or farther."""
LONGEST = 2000


@dataclass(frozen=True, eq=False)
class Review:
    """A verdict about an object of a scene; about the whole picture where `object` is None.

    "accept": the box is right; "reject": it is left out; "edit": it is as `label`, `center` (3,)
    and `size` (3,) in metres and `yaw` in radians say, each as it was where it is None; "undo":
    as if nothing had been said. InputError for what no box can be.
    """

    scene: str
    object: str | None
    verdict: str
    label: str | None = None
    center: np.ndarray | None = None
    size: np.ndarray | None = None
    yaw: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        allowed = VERDICTS if self.object is not None else OF_PICTURES
        if self.verdict not in allowed:
            raise InputError(
                f"is {self.verdict[:40]!r}", code="review-verdict", field="verdict",
                limit=", ".join(allowed),
            )  # fmt: skip
        if self.verdict != "edit" and self.edited:
            raise InputError(
                "changes nothing", code="review-verdict", field="verdict",
                hint=f"Say edit, or leave out {', '.join(self.edited)}",
            )  # fmt: skip
        if self.verdict == "edit" and not self.edited:
            raise InputError("changes nothing", code="review-empty", field="edit",
                             limit="label, center, size, yaw")  # fmt: skip
        self._check_values()

    def _check_values(self) -> None:
        if self.label is not None and not (self.label.strip() and len(self.label) <= 200):
            raise InputError("is empty or too long", code="review-label", field="label",
                             limit="1 to 200 characters")  # fmt: skip
        if len(self.note) > LONGEST:
            raise InputError("is too long", code="review-note", field="note",
                             limit=f"{LONGEST} characters")  # fmt: skip
        for name in ("center", "size"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _triple(value, name))
        if self.size is not None and not (self.size > 0).all():
            raise InputError("must be positive", code="review-size", field="size",
                             limit="more than 0 m")  # fmt: skip
        if self.center is not None and self.center[2] <= 0:
            raise InputError("lies behind the camera", code="review-center", field="center",
                             limit="z more than 0 m")  # fmt: skip
        if self.yaw is not None and not abs(self.yaw) <= 4 * math.pi:
            raise InputError(f"is {self.yaw:g}", code="review-yaw", field="yaw",
                             limit="radians, at most two turns")  # fmt: skip

    @property
    def edited(self) -> tuple[str, ...]:
        """The names of what an edit says anew."""
        names = ("label", "center", "size", "yaw")
        return tuple(n for n in names if getattr(self, n) is not None)

    @property
    def key(self) -> tuple[str, str | None]:
        return self.scene, self.object

    def to_json(self) -> dict[str, Any]:
        """The record of a line."""
        told: dict[str, Any] = {"scene": self.scene, "object": self.object, "verdict": self.verdict}
        for name in self.edited:
            value = getattr(self, name)
            told[name] = value.tolist() if isinstance(value, np.ndarray) else value
        return told | ({"note": self.note} if self.note else {})

    @classmethod
    def from_json(cls, data: Any) -> Review:
        """The review of a record; InputError naming the field that is wrong."""
        f = Fields(data, "Review")
        made: dict[str, Any] = {
            "scene": f.take("scene", fields.text),
            "object": f.take("object", fields.text, None),
            "verdict": f.take("verdict", fields.text),
            "label": f.take("label", fields.text, None),
            "center": f.take("center", fields.array(3), None),
            "size": f.take("size", fields.array(3), None),
            "yaw": f.take("yaw", fields.number, None),
            "note": f.take("note", fields.text, ""),
        }
        f.done()
        return cls(**made)


def _triple(value: Any, name: str) -> np.ndarray:
    found = np.asarray(value, float)
    if found.shape != (3,) or not np.isfinite(found).all():
        raise InputError("must be three finite numbers", code="review-numbers", field=name)
    if np.abs(found).max() > FARTHEST:
        raise InputError("is too large", code="review-numbers", field=name,
                         limit=f"{FARTHEST:g} m")  # fmt: skip
    return found


# -- the file -----------------------------------------------------------------------------


@dataclass(eq=False)
class Reviews:
    """All that counts of a file of reviews, by scene and object."""

    journal: Journal
    by_scene: dict[str, dict[str | None, Review]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: str | Path) -> Reviews:
        """The reviews of a data-set folder, none where there is no file; InputError for a line
        that is no review."""
        made = cls(Journal.read(Path(folder) / FILE, KEYS))
        for record in made.journal:
            try:
                made._take(Review.from_json(record))
            except N3DError as e:
                e.field = f"{record['scene']}/{record['object']}: {e.field}"
                raise e.at(file=made.journal.path) from None
        return made

    def _take(self, review: Review) -> None:
        told = self.by_scene.setdefault(review.scene, {})
        told.pop(review.object, None)
        if review.verdict != "undo":
            told[review.object] = review
        if not told:
            del self.by_scene[review.scene]

    def add(self, review: Review) -> None:
        """Append a review; ConfigError where the file cannot be written."""
        self.journal.add([review.to_json()])
        self._take(review)

    def of(self, scene: str) -> Mapping[str | None, Review]:
        """What was said of a scene, by object; None is the whole picture."""
        return self.by_scene.get(scene, {})

    def __iter__(self) -> Iterator[Review]:
        return (r for told in self.by_scene.values() for r in told.values())

    @property
    def digest(self) -> str:
        """The sha256 of all that counts, "" where nothing does."""
        lines = sorted(fields.dumps(r.to_json() | {"note": ""}) for r in self)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest() if lines else ""

    def counts(self) -> dict[str, int]:
        """How many objects were accepted, rejected and edited, and how many pictures rejected."""
        said = Counter(r.verdict if r.object is not None else "picture" for r in self)
        named = {"accepted": "accept", "rejected": "reject", "edited": "edit",
                 "pictures_rejected": "picture"}  # fmt: skip
        return {name: said[verdict] for name, verdict in named.items()}


def known(folder: str | Path) -> Reviews:
    """The reviews of a folder, read again only where its file is another."""
    path = Path(folder) / FILE
    try:
        found = path.stat()
    except OSError:
        return Reviews(Journal(path, keys=KEYS))
    return _known(str(folder), found.st_mtime_ns, found.st_size)


@functools.lru_cache(maxsize=4)
def _known(folder: str, changed: int, size: int) -> Reviews:
    return Reviews.read(folder)


# -- scenes as reviewed -------------------------------------------------------------------


def read(folder: str | Path, *, check: bool = True) -> Iterator[Scene]:
    """The scenes of a data-set folder as reviewed, without the pictures that were rejected."""
    found = applied(shards.read(folder, check=check), Reviews.read(folder))
    return (scene for scene in found if isinstance(scene, Scene))


def applied(scenes: Iterable[Scene], reviews: Reviews) -> Iterator[Scene | Drop]:
    """Each scene as reviewed; a Drop for one whose picture was rejected."""
    for scene in scenes:
        yield apply(scene, reviews.of(scene.id))


def apply(scene: Scene, told: Mapping[str | None, Review]) -> Scene | Drop:
    """A scene as its reviews say: without the rejected objects, whose labels are then `boxless`,
    and with the edited ones as edited. Both kinds of kept objects say so in their attributes."""
    if not told:
        return scene
    if None in told:
        return Drop(scene.id, "review-rejected", told[None].note or "rejected by hand")
    kept, lost = [], list(scene.boxless)
    for o in scene.objects:
        review = told.get(o.id)
        if review is None:
            kept.append(o)
        elif review.verdict == "reject":
            lost.append(o.label)
        else:
            kept.append(_marked(edited(o, review, scene.up), review))
    return replace(scene, objects=tuple(kept), boxless=tuple(sorted(lost)))


def edited(o: Object3D, review: Review, up: np.ndarray | None) -> Object3D:
    """The object with what a review says anew; of its box then no doubt is known."""
    if review.label is not None:
        o = replace(o, label=review.label)
    if not {"center", "size", "yaw"} & set(review.edited):
        return o
    box = o.box
    rotation = np.asarray(box.rotation)
    if review.yaw is not None:
        rotation = turn(up, review.yaw - yaw(box, up)) @ rotation
    center = box.center if review.center is None else review.center
    size = box.size if review.size is None else review.size
    try:
        made = Box3D(center, size, rotation)
    except GeometryError as e:
        raise InputError(e.message, code=e.code, field=f"{review.scene}/{o.id}") from None
    return replace(o, box=made, spread=None, extent="whole", depth_unobserved=False)


def _marked(o: Object3D, review: Review) -> Object3D:
    """The object with a person's word in place of the score of its quality."""
    said: dict[str, Any] = {"verdict": review.verdict}
    if review.edited:
        said["edited"] = list(review.edited)
    if review.note:
        said["note"] = review.note
    quality = {**o.quality, "score": 1.0}
    if "score" in o.quality:
        quality["measured"] = o.quality["score"]
    return replace(o, attributes={**o.attributes, "review": said}, quality=quality)


def yaw(box: Box3D, up: np.ndarray | None) -> float:
    """The turn of a box about the vertical, radians: its yaw in the gravity frame of `up`, in the
    camera frame where gravity is not known."""
    turned = box.rotation if up is None else upright(up).T @ np.asarray(box.rotation)
    return float(Box3D(box.center, box.size, turned).yaw)


def turn(up: np.ndarray | None, angle: float) -> np.ndarray:
    """The rotation (3, 3) in the camera frame that adds `angle` to a yaw."""
    frame = np.eye(3) if up is None else upright(up)
    return frame @ axis_rotation(1, angle) @ frame.T
