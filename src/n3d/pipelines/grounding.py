"""Grounders made of parts: 2D regions that somebody else found, or a detector finds, lifted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from n3d import lift
from n3d.geometry import Camera
from n3d.lift import quality
from n3d.reason import labels, phrases
from n3d.scene import RGBD, Drop, Grounder, Object3D, Region

DOUBLE = 0.8


class Detector(Protocol):
    """Finds 2D regions: `n3d.experts.detecting`, or any VLM that is asked for boxes."""

    def find(self, image, phrases: Sequence[str], /) -> list[Region]:
        """The regions of an image (h, w, 3) uint8 that phrases name; their labels are phrases."""
        ...


class Segmenter(Protocol):
    """Gives regions masks: `n3d.experts.segmenting`."""

    def masks(self, image, regions: Sequence[Region], /) -> list[Region]:
        """The regions, with masks (h, w) where one was found."""
        ...


class RegionGrounder:
    """Grounds phrases by lifting the given 2D regions whose labels they name.

    Stands in for a model behind the same `Grounder` protocol. `drops` holds the regions that
    the last call could not lift, each with its reason.
    """

    def __init__(self, regions: Sequence[Region], config: lift.LiftConfig | None = None) -> None:
        self.regions = tuple(regions)
        self.config = config or lift.LiftConfig()
        self.drops: tuple[Drop, ...] = ()

    def ground(self, view: RGBD, names: Sequence[str]) -> list[Object3D]:
        """The lifted objects of the regions that the names match, in the regions' order."""
        named = [r for r in self.regions if any(labels.match(r.label, name) for name in names)]
        return self._lift(view, named)

    def detect(self, view: RGBD) -> list[Object3D]:
        """All regions, lifted."""
        return self._lift(view, self.regions)

    def _lift(self, view: RGBD, regions: Sequence[Region]) -> list[Object3D]:
        lifted = lift.lift_view(view, regions, self.config)
        self.drops = lifted.drops
        return list(lifted.objects)


class DetectorGrounder:
    """Grounds phrases by what a detector finds of their nouns, lifted.

    Of "the mug left of the red lamp" the nouns are mug and red lamp; which mug is meant is told by
    the boxes, not by the detector. `vocabulary` are the nouns that `detect` asks for. `regions`
    holds what the detector found in the last call, `drops` what of it could not be lifted.
    """

    def __init__(
        self,
        detector: Detector,
        segmenter: Segmenter | None = None,
        *,
        vocabulary: Sequence[str] = (),
        config: lift.LiftConfig | None = None,
    ) -> None:
        self.detector, self.segmenter = detector, segmenter
        self.vocabulary = tuple(vocabulary)
        self.config = config or lift.LiftConfig()
        self.regions: tuple[Region, ...] = ()
        self.drops: tuple[Drop, ...] = ()

    def ground(self, view: RGBD, names: Sequence[str]) -> list[Object3D]:
        """The lifted regions of all nouns of the phrases, surest first."""
        return self._find(view, nouns(names))

    def detect(self, view: RGBD) -> list[Object3D]:
        """The lifted regions of the vocabulary."""
        return self._find(view, self.vocabulary)

    def _find(self, view: RGBD, wanted: Sequence[str]) -> list[Object3D]:
        found = list(self.detector.find(view.image, wanted)) if wanted else []
        if self.segmenter is not None and found:
            found = list(self.segmenter.masks(view.image, found))
        found = without_doubles(found, view.camera)
        self.regions = tuple(found)
        lifted = lift.lift_view(view, found, self.config)
        self.drops = lifted.drops
        return list(lifted.objects)


class Fitted:
    """A grounder whose boxes are fitted to the depth once more (`lift.refine`)."""

    def __init__(self, grounder: Grounder) -> None:
        self.grounder = grounder

    @property
    def regions(self) -> tuple[Region, ...]:
        """What the grounder found in 2D in the last call, where it tells."""
        return getattr(self.grounder, "regions", ())

    @property
    def drops(self) -> tuple[Drop, ...]:
        """What of that it could not lift."""
        return getattr(self.grounder, "drops", ())

    def ground(self, view: RGBD, names: Sequence[str]) -> list[Object3D]:
        """Its objects of all nouns of the phrases, fitted."""
        return lift.refine(view, self.grounder.ground(view, names))

    def detect(self, view: RGBD) -> list[Object3D]:
        """All its objects, fitted."""
        return lift.refine(view, self.grounder.detect(view))


def without_doubles(regions: Sequence[Region], camera: Camera) -> list[Region]:
    """Regions that are not another one under a wider name.

    A detector that is asked for "mug" and for "red mug" finds a red mug twice; two rectangles of
    one place (IoU of DOUBLE) whose labels name each other are one region, with the label that says
    more and the higher score.
    """
    kept: list[Region] = []
    for region in sorted(regions, key=lambda r: -r.score):
        twin = next((i for i, k in enumerate(kept) if _are_one(k, region, camera)), None)
        if twin is None:
            kept.append(region)
        elif len(region.label) > len(kept[twin].label):
            kept[twin] = replace(kept[twin], label=region.label)
    return kept


def _are_one(a: Region, b: Region, camera: Camera) -> bool:
    return (
        a.label != b.label
        and max(labels.match(a.label, b.label), labels.match(b.label, a.label)) > 0
        and quality.iou(a.rectangle, b.rectangle, camera) >= DOUBLE
    )


def nouns(names: Iterable[str]) -> list[str]:
    """The nouns, with their attributes, that phrases name or are told by; each once."""
    found: dict[str, None] = {}
    for name in names:
        phrase = phrases.parse(name)
        heads = [phrases.without_article(name)] if phrase is None else phrase.heads()
        found |= dict.fromkeys(h for h in heads if h)
    return list(found)
