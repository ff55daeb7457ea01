"""Referring expressions in the manner of RefCOCO: a JSON list of refs beside COCO's instances.

A ref is {"ref_id", "ann_id", "image_id", "split", "sentences": [{"sent" or "raw"}, ...]}. The
files of the data set itself are pickles, which are never read: convert them to JSON first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from n3d.errors import InputError
from n3d.scene import Drop, Picture, Region, strict_json
from n3d.sources import coco, files
from n3d.sources.spool import Spool, key


def read(
    annotations: Any, images: Any, *, instances: Any, split: str | None = None, **options: Any
) -> Iterator[Picture | Drop]:
    """The pictures that have a ref, with all their regions, as `coco.read` gives `instances`.

    A region that is referred to has its first sentence as `expression` and all of them in its
    attributes; `split` takes the refs of one split only. A ref whose annotation is not among the
    instances is a Drop.
    """
    _check(annotations)
    with Spool(annotations, _records(annotations, split)) as refs:
        used: set[str] = set()
        for item in coco.read(instances, images, source="refcoco", **options):
            if isinstance(item, Drop):
                yield item
                continue
            regions = [_told(region, refs, used) for region in item.regions]
            if any(r.expression for r in regions):
                yield replace(item, regions=tuple(regions))
        for place, ref, _ in refs.annotations():
            if (own := key(ref["image_id"])) is None or own not in used:
                yield Drop(
                    f"refcoco:ref:{ref.get('id', place)}", "region-unknown",
                    f"no usable annotation has id {ref['image_id']!r}",
                )  # fmt: skip


def _told(region: Region, refs: Spool, used: set[str]) -> Region:
    """The region with what its refs say."""
    identity = (region.id or "").rpartition(":")[2]
    sentences: list[str] = []
    for own in (key(int(identity)) if identity.isdecimal() else None, key(identity)):
        for _, ref, again in refs.of(own):
            used.add(str(own))
            sentences += [] if again else [s for s in ref["sentences"] if s not in sentences]
    if not sentences:
        return region
    attributes = {**region.attributes, "expressions": sentences}
    return replace(region, expression=sentences[0], attributes=attributes)


def _check(path: Any) -> None:
    with files.open_regular(path, max_bytes=None) as f:
        if f.read(1) in (b"\x80", b"("):
            raise InputError(
                "looks like a pickle, which is never read", code="refcoco-form", file=path,
                limit="a JSON list of refs", hint="Convert it to JSON on a machine you trust it on",
            )  # fmt: skip


def _records(path: Any, split: str | None) -> Iterator[tuple[str, Any]]:
    """The refs as annotations of their instance: `image_id` is what they are joined by."""
    empty = True
    for name, ref in strict_json.stream(path):
        if name not in ("", "refs") or not isinstance(ref, Mapping):
            continue
        empty = False
        if split is not None and ref.get("split") != split:
            continue
        told = ref.get("sentences", ref.get("expressions", []))
        sentences = [s for s in map(_sentence, told if isinstance(told, list) else [told]) if s]
        if sentences:
            own = ref.get("ann_id", ref.get("annotation_id"))
            yield "annotations", {"id": ref.get("ref_id"), "image_id": own, "sentences": sentences}
    if empty:
        raise InputError(
            "holds no refs", code="refcoco-form", file=path,
            limit="a list of {ann_id, sentences: [{sent}]}",
        )  # fmt: skip


def _sentence(entry: Any) -> str:
    if isinstance(entry, Mapping):
        entry = entry.get("raw") or entry.get("sent") or ""
    return " ".join(entry.split()) if isinstance(entry, str) else ""
