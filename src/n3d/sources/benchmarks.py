"""Benchmarks of the field from local files, as their publishers lay them out.

Nothing is downloaded: what is missing is told with the place to get it. Questions become records
of `n3d eval reasoning` (id, question, reference, category, image, choices), referring expressions
and boxes become true boxes of `n3d eval grounding`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n3d.errors import ConfigError, InputError, N3DError
from n3d.scene import Drop, strict_json
from n3d.sources import fields, files
from n3d.sources.spool import Spool

Record = dict[str, Any]


@dataclass(frozen=True)
class Layout:
    """Where a benchmark's file may lie in its folder, who publishes it, and its reader."""

    name: str
    patterns: tuple[str, ...]
    where: str
    read: Callable[[Path], Iterator[Record | Drop]]


def find(name: str, folder: Any) -> tuple[Layout, Path]:
    """The layout of a benchmark and its file: `folder` itself where that is one.

    Raises ConfigError for an unknown name, InputError with the place to get the data where they
    are missing, and for several files that could be meant.
    """
    if name not in LAYOUTS:
        raise ConfigError(
            f"unknown benchmark {name[:40]!r}", code="benchmark", field="NAME",
            limit=", ".join(LAYOUTS),
        )  # fmt: skip
    layout, folder = LAYOUTS[name], Path(folder)
    if folder.suffix == ".p":
        raise InputError(
            "is a pickle: never read", code="pickle", file=folder, hint=f"Get {layout.where}"
        )
    if folder.is_file():
        return layout, folder
    found: list[Path] = []
    for pattern in layout.patterns:
        found = found or sorted(p for p in folder.glob(pattern) if p.is_file())
    if len(found) == 1:
        return layout, found[0]
    if found:
        named = ", ".join(p.name for p in found[:6])
        raise InputError(
            f"holds several files of {name}: {named}", code="benchmark-several", file=folder,
            hint="Name one of them",
        )  # fmt: skip
    raise InputError(
        f"holds no {name} ({' or '.join(layout.patterns)})", code="benchmark-missing",
        file=folder, hint=f"Get {layout.where}",
    )  # fmt: skip


def read(name: str, folder: Any) -> Iterator[Record | Drop]:
    """The records of a benchmark; what cannot be used is a Drop."""
    layout, path = find(name, folder)
    yield from layout.read(path)


def _lines(path: Path, make: Callable[[Mapping[str, Any]], Record]) -> Iterator[Record | Drop]:
    with files.open_regular(path, max_bytes=None) as f:
        for number, line in enumerate(f, 1):
            if not line.strip():
                continue
            try:
                raw = strict_json.loads(line)
                if not isinstance(raw, Mapping):
                    raise InputError("must be an object", code="record-type")
                yield make(raw)
            except N3DError as e:
                yield Drop(f"line {number}", e.code, str(e.at(file=path)))


def spatialrgpt(path: Path) -> Iterator[Record | Drop]:
    """SpatialRGPT-Bench: `text_q`, the answer as the second turn of `conversations`, `qa_info`."""

    def make(raw: Mapping[str, Any]) -> Record:
        about = fields.mapping(raw, "qa_info")
        turns = fields.rows(raw, "conversations")
        if len(turns) < 2 or not isinstance(turns[1], Mapping):
            raise InputError("has no second turn", code="record-key", field="conversations")
        image = fields.mapping(raw, "image_info").get("file_path")
        return {
            "id": fields.member(raw, "id"),
            "question": fields.text(raw, "text_q"),
            "reference": fields.text(turns[1], "value"),
            "category": fields.text(about, "category"),
            "image": image,
            "regions": raw.get("bbox"),
        }

    yield from _lines(path, make)


def cv_bench(path: Path) -> Iterator[Record | Drop]:
    """CV-Bench: `idx`, `task`, `question`, `choices`, `answer` ("(A)"); the 3D half alone."""

    def make(raw: Mapping[str, Any]) -> Record:
        if raw.get("type", "3D") != "3D":
            raise InputError("is of the 2D half", code="benchmark-part", field="type")
        choices = fields.rows(raw, "choices")
        listed = " ".join(f"({'ABCDEFGH'[i]}) {c}" for i, c in enumerate(choices[:8]))
        question = fields.text(raw, "question")
        return {
            "id": fields.member(raw, "idx"),
            "question": raw.get("prompt") or f"{question} {listed}",
            "reference": fields.text(raw, "answer"),
            "category": fields.text(raw, "task"),
            "image": raw.get("filename"),
            "choices": choices,
        }

    yield from _lines(path, make)


def refcoco(path: Path) -> Iterator[Record | Drop]:
    """RefCOCO, RefCOCO+ and RefCOCOg as COCO's JSON with one expression an image (`caption`), the
    form of MDETR: a query with the rectangle of what it means. Camera `K` where the image has it,
    and a 3D box where the annotation has `center`, `size` and `R` (a lifted data set)."""
    files.open_regular(path, max_bytes=None).close()
    with Spool(path) as spool:
        for number, image, _, own in spool:
            name = f"image {number}"
            try:
                about = image if isinstance(image, Mapping) else {}
                boxes = [_referred(about, row) for _, row, _ in own]
                if not boxes:
                    raise InputError("has no annotation", code="box-missing")
                yield {
                    "id": about.get("id", name),
                    "text": fields.text(about, "caption"),
                    "image": about.get("file_name"),
                    "K": about.get("K"),
                    "image_size": [about.get("width"), about.get("height")],
                    "objects": boxes,
                }
            except N3DError as e:
                yield Drop(name, e.code, str(e.at(file=path)))


def _referred(image: Mapping[str, Any], row: Any) -> Record:
    out: Record = {
        "label": fields.text(image, "caption"),
        "bbox": fields.row(fields.member(row, "bbox"), 4, "bbox").tolist(),
    }
    return out | {k: row[k] for k in ("center", "size", "R") if k in row}


def omni3d(path: Path) -> Iterator[Record | Drop]:
    """A split of Omni3D: images with their annotations as `objects`, untouched: the rules of what
    to ignore are the evaluation's."""
    files.open_regular(path, max_bytes=None).close()
    with Spool(path) as spool:
        for number, image, _, own in spool:
            if not isinstance(image, Mapping) or "id" not in image:
                yield Drop(f"image {number}", "image-unknown", f"image {number} has no id")
                continue
            yield {
                "id": image["id"],
                "image": image.get("file_path"),
                "dataset": path.stem,
                "K": image.get("K"),
                "image_size": [image.get("width"), image.get("height")],
                "objects": [row for _, row, _ in own],
            }


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout(
            "spatialrgpt-bench",
            ("SpatialRGPT-Bench*.jsonl", "*/SpatialRGPT-Bench*.jsonl"),
            "the data set a8cheng/SpatialRGPT-Bench from the Hugging Face hub",
            spatialrgpt,
        ),
        Layout(
            "cv-bench-3d",
            ("test_3d.jsonl", "test.jsonl"),
            "the data set nyu-visionx/CV-Bench from the Hugging Face hub",
            cv_bench,
        ),
        Layout(
            "refcoco",
            ("finetune_refcoco*_*.json", "*/finetune_refcoco*_*.json", "refcoco*.json"),
            "MDETR's annotations (finetune_refcoco_val.json and the like, ashkamath/mdetr)",
            refcoco,
        ),
        Layout(
            "omni3d",
            ("*_test.json", "Omni3D/*_test.json", "datasets/Omni3D/*_test.json"),
            "Omni3D's annotations (facebookresearch/omni3d, DATA.md)",
            omni3d,
        ),
    )
}
