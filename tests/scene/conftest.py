"""Random nouns of every kind."""

from __future__ import annotations

import numpy as np
import pytest

from n3d.geometry import Box3D, Camera, euler
from n3d.scene import (
    QA,
    RGBD,
    Answer,
    BoxSpread,
    Check,
    Object3D,
    Picture,
    PictureFiles,
    Prediction,
    Provenance,
    Quantity,
    Query,
    Ref,
    Region,
    Scene,
    Step,
    Trace,
    Var,
)


class Nouns:
    """Makes records with every field set, or with as few as possible."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)

    def box(self) -> Box3D:
        r = self.rng
        return Box3D(r.normal(size=3) + [0, 0, 4], r.random(3) + 0.05, euler(*r.normal(size=3)))

    def region(self, full: bool = True) -> Region:
        if not full:
            return Region("mug", (1, 2, 3, 4))
        mask = self.rng.random((12, 16)) < 0.5
        mask[0, 0] = True
        return Region(
            'a "b", c\n',
            (0.1, 0.2, 3.3, 4.4),
            mask=mask,
            score=1 / 3,
            expression="the left one",
            id="r1",
            attributes={"z": 1, "a": [True, None, "é"]},
        )

    def thing(self, full: bool = True) -> Object3D:
        r = self.rng
        if not full:
            return Object3D("1", "mug", self.box())
        return Object3D(
            "0", "mug, blue", self.box(), region=self.region(), score=float(r.random()),
            attributes={"colour": "blue", "count": 2, "nested": {"x": [1.5, 2]}},
            visibility=float(r.random()), quality={"surface": 0.25, "agreement": float(r.random())},
            extent="visible", visible=self.box(), depth_unobserved=True,
            spread=BoxSpread(r.random(3), r.random(3), 0.1), front=np.array([0, 0, -1.0]),
        )  # fmt: skip

    def scene(self, full: bool = True, objects: int = 2, id: str = "s0") -> Scene:
        if not full:
            return Scene(id, "p0", ())
        things = tuple(self.thing(i % 2 == 0) for i in range(objects))
        provenance = Provenance("exif", "predicted:m", False, "floor", 0.2)
        up = self.rng.normal(size=3)
        camera = Camera(10.5, 11, 8, 6, 16, 12, "exif")
        return Scene(
            id,
            "p0",
            things,
            up,
            "synthetic",
            "CC-BY-4.0",
            provenance,
            camera,
            "a/b.jpg",
            "b.png",
            {"size": [16, 12], "depth_scale": 1000},
            ("mug", "mug"),
        )

    def trace(self) -> Trace:
        size = Quantity(1.56, sigma=0.01, of=Ref(0))
        return Trace(
            (
                Step("distance", (Ref(0), Ref(2)), size, "a"),
                Step("pick", (Var("a"), Quantity(2.0, "1"), "left", "bbox_1"), "bbox_2"),
                Step("list", ((Ref(0), Ref(1)), (Var("a"),)), (Ref(1), ("x", True), size)),
                Step("left_of", (Ref(0), Ref(1)), False),
            )
        )

    def answer(self) -> Answer:
        return Answer("1.56 m", Quantity(1.56), 1.56, "m", (1.5, 1.7), 0.8, 0.95)

    def qa(self, full: bool = True, id: str = "q0") -> QA:
        if not full:
            trace = Trace((Step("left_of", (Ref(0), Ref(1)), True),))
            return QA("s0", "left", "Is it left?", trace, Answer("yes", True), id=id)
        query = Query("distance", ("mug", "lamp"), {"unit": "cm", "n": [1, 2]}, "How far?")
        notes = {"labels": ["mug", "lamp"], "depths": [1.5, 2.0]}
        return QA(
            "s0", "distance", "How far?", self.trace(), self.answer(), query, (0, 2), id, notes
        )

    def request(self, id: str = "q1") -> QA:
        """A request to locate: no trace."""
        query = Query("place", (), {"place": [1.0, 2.0, 3.5, 4.0]}, "What is here?")
        answer = Answer("mug", (Ref(1),))
        return QA("s0", "place", "What is here?", None, answer, query, (1,), id)

    def prediction(self, full: bool = True) -> Prediction:
        if not full:
            return Prediction("What?", fault="nothing was found")
        check = Check(False, 1, Quantity(1.0), Ref(3), (0.5, 1.5), "differs")
        return Prediction(
            "How far?", "1.56 m", (self.thing(), self.thing(False)), self.trace(), self.answer(),
            check, None, ("a note", "another"), Provenance("given", "sensor", True, "given", 0.0),
        )  # fmt: skip

    def view(self, full: bool = True) -> RGBD:
        image = self.rng.integers(0, 256, (12, 16, 3)).astype(np.uint8)
        if not full:
            return RGBD(image, Camera(10.5, 11, 8, 6, 16, 12, "assumed:fov"))
        depth = (self.rng.integers(0, 9000, (12, 16)) / 1000).astype(np.float32)
        up = self.rng.normal(size=3)
        return RGBD(image, Camera(10, 10, 8, 6, 16, 12), depth, "sensor", True, up, "floor", 0.01)

    def picture(self, form: str = "view", id: str = "p0") -> Picture:
        files = PictureFiles("a.jpg", "a.png", "a.json", {"depth_scale": 1000})
        regions = (self.region(), self.region(False))
        words = {"source": "coco", "licence": "CC0", "attributes": {"split": "val"}}
        rest = {"regions": regions, **words}
        if form == "files":
            return Picture(id, files=files, **rest)
        if form == "both":
            return Picture(id, rgbd=self.view(), files=files, **rest)
        return Picture(id, rgbd=self.view(form == "view"), **(rest if form == "view" else {}))


@pytest.fixture
def nouns() -> Nouns:
    return Nouns()


def same(a, b) -> bool:
    """Whether two nouns are equal field by field, arrays to the bit."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b) and np.asarray(a).dtype == np.asarray(b).dtype
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(
            same(getattr(a, f), getattr(b, f)) for f in a.__dataclass_fields__
        )
    if isinstance(a, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return a == b and type(a) is type(b)


@pytest.fixture(name="same", scope="session")
def same_fixture():
    return same
