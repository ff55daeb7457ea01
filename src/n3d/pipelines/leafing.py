"""A page to leaf through a data set: some of what it kept and some of each reason to drop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from n3d import reason, sources, view
from n3d.errors import ConfigError, N3DError
from n3d.pipelines import lifting
from n3d.reason import gating
from n3d.scene import QA, Drop, Object3D, Picture, Region, Scene, asked, manifests, reviews

SIZE = 560
MOST_KINDS = 64
PLAIN_SOURCES = ("coco", "lvis", "objects365")
"""Forms of annotations that are one file."""


@dataclass(frozen=True)
class Places:
    """Where the pictures are: `images`; the `scenes` that questions are about; the `annotations`
    that scenes were lifted from, to show what was dropped."""

    images: Path
    scenes: Path | None = None
    annotations: Path | None = None
    samples: int = 6

    def __post_init__(self) -> None:
        if not 1 <= self.samples <= 200:
            raise ConfigError(
                f"is {self.samples}", code="config-range", field="samples", limit="1 to 200"
            )


def write(folder: Path, facts: Mapping[str, Any], places: Places, page: Path) -> Path:
    """Write the page of a data set of scenes or questions whose counts are `facts`.

    Scenes are the first of each of the most frequent classes, questions the first of each kind.
    What cannot be shown is told in words. Raises ConfigError for other kinds of data set, and
    for questions without their scenes.
    """
    kind = facts["kind"]
    if kind == "scene":
        sections = [*_scenes(folder, facts, places), *_drops(folder, facts, places)]
    elif kind == "qa":
        if places.scenes is None:
            raise ConfigError(
                "is needed for a page of questions", code="config-missing", field="--scenes"
            )
        sections = [*_questions(folder, places), *_drops(folder, facts, places)]
    else:
        raise ConfigError(
            f"{kind} records have no page", code="dataset-kind", file=folder, limit="scene, qa"
        )
    counts = ", ".join(f"{n} {name}" for name, n in facts["by_reason"].items())
    told = f": {counts}" if counts else ""
    text = f"{facts['kept']} records kept, {facts['dropped']} dropped{told}"
    return view.album(page, f"{folder.name}: {kind} records", text, sections)


@dataclass
class _Wall:
    """Figures by what they are about, at most `most` of each."""

    most: int
    figures: dict[str, list[view.Figure]] = field(default_factory=lambda: defaultdict(list))

    def wants(self, name: str) -> bool:
        return len(self.figures[name]) < self.most

    def sections(self, order: Iterable[str], texts: Mapping[str, str]) -> Iterator[view.Section]:
        for name in order:
            if self.figures.get(name):
                yield view.Section(name, self.figures[name], texts.get(name, ""))


def _view(scene: Scene, places: Places) -> Any:
    """The picture of a scene, None where it cannot be shown."""
    try:
        return sources.reopening.reopen(scene, places.images).rgbd
    except N3DError:
        return None


# -- what was kept --------------------------------------------------------------------------------


def _scenes(folder: Path, facts: Mapping[str, Any], places: Places) -> Iterator[view.Section]:
    classes = list(facts.get("sizes", {}))[:MOST_KINDS]
    wall = _Wall(places.samples)
    for scene in reviews.read(folder) if facts["complete"] else ():
        new = [c for c in classes if c in scene.labels and wall.wants(c)]
        if not new:
            if not any(wall.wants(c) for c in classes):
                break
            continue
        seen = _view(scene, places)
        if seen is None:
            continue
        for name in new:
            o = next(o for o in scene.objects if o.label == name)
            wall.figures[name].append(_object(o, scene, seen))
    yield from wall.sections(classes, {c: _sides(facts["sizes"][c]) for c in classes})


def _object(o: Object3D, scene: Scene, seen: Any) -> view.Figure:
    image = view.draw([o], view=seen, size=SIZE)
    sides = " x ".join(f"{s:.2f}" for s in o.box.size)
    worth = gating.worth(o)
    caption = f"{scene.id}: {o.label}, {sides} m, {o.box.center[2]:.2f} m deep"
    return view.Figure(image, caption, f"worth {worth:.2f}", worth >= reason.Gate().score)


def _sides(told: Mapping[str, Any]) -> str:
    low, middle, high = told["longest"]
    return (
        f"{told['count']} in all; longest side {middle:.2f} m ({low:.2f} to {high:.2f}), depth "
        f"{told['depth'][1]:.1f} m ({told['depth'][0]:.1f} to {told['depth'][2]:.1f})"
    )


def _questions(folder: Path, places: Places) -> Iterator[view.Section]:
    wall = _Wall(places.samples)
    assert places.scenes is not None
    for scene, questions in asked.together(folder, places.scenes):
        new = [qa for qa in questions if wall.wants(qa.kind)]
        seen = _view(scene, places) if new else None
        if seen is None:
            continue
        for qa in new:
            if wall.wants(qa.kind):
                wall.figures[qa.kind].append(_question(qa, scene, seen))
    told = {k.name: k.description for k in (*reason.KINDS.values(), *reason.LOCATE_KINDS.values())}
    yield from wall.sections([k for k in told if k in wall.figures], told)


def _question(qa: QA, scene: Scene, seen: Any) -> view.Figure:
    things = [scene.objects[i] for i in qa.objects]
    image = view.draw(things, view=seen, size=SIZE) if things else view.draw(seen, size=SIZE)
    return view.Figure(image, f"{scene.id}: {qa.question}", qa.answer.text)


# -- what was dropped -----------------------------------------------------------------------------


def _drops(folder: Path, facts: Mapping[str, Any], places: Places) -> Iterator[view.Section]:
    some: dict[str, list[Drop]] = defaultdict(list)
    for drop in manifests.read_drops(folder):
        if len(some[drop.reason]) < places.samples:
            some[drop.reason].append(drop)
    of = facts["config"].get("source")
    pictures = _pictures([d for drops in some.values() for d in drops], places, of)
    for name in facts["by_reason"]:
        shown = [f for d in some.get(name, ()) if (f := _dropped(d, pictures)) is not None]
        told = "; ".join(f"{d.id}: {d.detail}" for d in some.get(name, ()))
        yield view.Section(
            f"dropped: {name}", shown, f"{facts['by_reason'][name]} in all. {told[:1000]}"
        )


def _pictures(drops: list[Drop], places: Places, source: Any) -> dict[str, Picture]:
    """The annotated pictures that drops are about, by id, undecoded."""
    read = lifting.SOURCES.get(source) if source in PLAIN_SOURCES else None
    if places.annotations is None or read is None or not drops:
        return {}
    wanted = {d.id.partition("/")[0] for d in drops}
    found: dict[str, Picture] = {}
    for picture in read(places.annotations, places.images):
        if isinstance(picture, Picture) and picture.id in wanted:
            found[picture.id] = picture
            if len(found) == len(wanted):
                break
    return found


def _dropped(drop: Drop, pictures: Mapping[str, Picture]) -> view.Figure | None:
    """The region, or all of its picture, that was dropped; None where it is not known."""
    name, _, region = drop.id.partition("/")
    picture = pictures.get(name)
    if picture is None:
        return None
    try:
        seen = sources.load(Picture(picture.id, (), files=picture.files)).rgbd
        assert seen is not None
        shown: list[Region] = [r for r in picture.regions if not region or r.id == region]
        plain = [Region(r.label, r.rectangle) for r in shown]
        image = view.regions.paint(seen.image, plain, fill=0.0)
    except N3DError:
        return None
    label = shown[0].label if region and shown else f"{len(shown)} regions"
    return view.Figure(image, f"{drop.id}: {label}", drop.detail, False)
