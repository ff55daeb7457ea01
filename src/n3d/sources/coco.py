"""COCO annotation files -> pictures with 2D regions, in a stream with bounded memory.

LVIS and Objects365 come in the same layout with habits of their own: see `sources.placing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from n3d.errors import InputError, N3DError
from n3d.scene import Drop, Picture, PictureFiles, Region
from n3d.sources import files, regions
from n3d.sources.placing import Given, Habits
from n3d.sources.spool import Spool, key

# Flags of Objects365 and OpenImages-style sets for boxes that are no object in space.
REFUSED_FLAGS = {"iscrowd": "region-crowd", "isfake": "region-fake", "isreflected": "region-fake"}


def read(
    annotations: Any,
    images: Any,
    *,
    depth: Any = None,
    camera: Any = None,
    source: str = "coco",
    options: Mapping[str, Any] | None = None,
    licence: str = "",
    habits: Habits | None = None,
) -> Iterator[Picture | Drop]:
    """Pictures in the order of the file, each after the annotations of it that were dropped.

    Pictures hold the names of their files, regions keep their segmentation undecoded in
    `attributes` (`sources.load` decodes both). Ids are "coco:<image>" and
    "coco:<image>:<annotation>" with `source` in the place of "coco". `depth` is a folder, or
    "sensor:FOLDER", with <image stem>.png, .npy or .npz. The camera is `camera` (a file, or a
    folder with <stem>.json or .txt), or the image's K in the annotations, or <stem>.json,
    <stem>.txt, camera.json or camera.txt beside the depth; none of these where `options`,
    which go to `read_rgbd`, hold a `fov`. An image without its file, or whose depth is
    missing, is dropped, as is every annotation that cannot be used. `licence` is that of images
    that state none. Raises InputError for a file that is not COCO JSON, ConfigError for a folder
    that does not exist.
    """
    habits = habits or Habits()
    given = Given.of(images, depth, camera, options, habits)
    files.open_regular(annotations, max_bytes=None).close()
    with Spool(annotations) as spool:
        labels: dict[Any, str] = {}
        for category in spool.sides.get("categories", []):
            regions.add_label(category, labels)
        labels = {number: habits.label(name) for number, name in labels.items()}
        licences = _licences(spool.sides.get("licenses", []))
        empty = True
        for number, image, repeated, own in spool:
            empty = False
            name = _name(source, image, number)
            try:
                if repeated:
                    raise InputError("an earlier image has the same id", code="id-duplicate")
                found = given.files(image)
                place = given.place(found)
            except N3DError as e:
                yield Drop(name, e.code, str(e))
                continue
            known = licences.get(key(image.get("license")), {"name": licence})
            made = _picture(name, place, found, own, labels, known, source)
            yield from single(made) if habits.unique else made
        if empty:
            raise InputError(
                "has no images", code="regions-form", file=annotations, limit="a COCO file"
            )
        for place, raw in spool.orphans():
            name = raw.get("image_id") if isinstance(raw, Mapping) else None
            yield Drop(
                f"{source}:{name}:{_own(raw, place)}", "image-unknown", f"no image has id {name!r}"
            )


def _picture(
    name: str,
    place_of_file: str,
    found: PictureFiles,
    own: Iterable[tuple[int, Any, bool]],
    labels: regions.Labels,
    licence: Mapping[str, str],
    source: str,
) -> Iterator[Picture | Drop]:
    """The drops of one image, then its picture; `attributes["left_out"]` are the labels of the
    drops, whose things are in the image."""
    width, height = found.options["size"]
    kept: list[Region] = []
    left_out: list[str] = []
    for place, raw, again in own:
        result = _region(raw, name, place, again, labels, width, height)
        if isinstance(result, Drop):
            yield result
            if not again and isinstance(raw, Mapping):
                label = labels.get(raw.get("category_id"))
                left_out += [] if label is None else [label]
        else:
            kept.append(result)
    attributes: dict[str, Any] = {"size": (width, height), "file_name": place_of_file}
    if left_out:
        attributes["left_out"] = sorted(left_out)
    if "url" in licence:
        attributes["licence_url"] = licence["url"]
    yield Picture(
        id=name,
        regions=tuple(kept),
        files=found,
        source=source,
        licence=licence.get("name", ""),
        attributes=attributes,
    )


def single(made: Iterable[Picture | Drop]) -> Iterator[Picture | Drop]:
    """The same, regions that repeat the label and rectangle of an earlier one set aside."""
    for item in made:
        if isinstance(item, Drop):
            yield item
            continue
        kept: dict[tuple, Region] = {}
        for region in item.regions:
            if (region.label, region.rectangle) in kept:
                detail = "an earlier region has its label and rectangle"
                yield Drop(region.id or item.id, "region-duplicate", detail)
            kept.setdefault((region.label, region.rectangle), region)
        yield replace(item, regions=tuple(kept.values()))


def _region(
    raw: Any,
    picture: str,
    place: int,
    again: bool,
    labels: regions.Labels,
    width: Any,
    height: Any,
) -> Region | Drop:
    name = f"{picture}:{_own(raw, place)}"
    try:
        if again:
            raise InputError("an earlier annotation has the same id", code="id-duplicate")
        for flag, code in REFUSED_FLAGS.items():
            if raw.get(flag):
                raise InputError(f"{flag} is set", code=code)
        return regions.make(raw, width=width, height=height, labels=labels, id=name, decode=False)
    except N3DError as e:
        return Drop(name, e.code, str(e))


def _name(source: str, image: Any, number: int) -> str:
    identity = image.get("id") if isinstance(image, Mapping) else None
    return f"{source}:{identity if key(identity) is not None else f'@{number}'}"


def _own(raw: Any, place: int) -> Any:
    """The annotation's id, or its place in the file, which is as stable as the file."""
    identity = raw.get("id") if isinstance(raw, Mapping) else None
    return identity if key(identity) is not None else f"@{place}"


def _licences(entries: list[Any]) -> dict[str | None, dict[str, str]]:
    return {
        key(e.get("id")): {k: e[k] for k in ("name", "url") if isinstance(e.get(k), str)}
        for e in entries
        if isinstance(e, Mapping)
    }
