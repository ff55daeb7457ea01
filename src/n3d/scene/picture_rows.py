"""Pictures, regions and objects as rows of Parquet and back."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from n3d.errors import InputError
from n3d.geometry import Camera
from n3d.scene import depths, fields, picture_records, strict_json
from n3d.scene.pictures import RGBD, Picture
from n3d.scene.records import kept_unit

PROVENANCE = ("camera_source", "depth_source", "metric", "up_source", "scale_sigma")


# -- objects and regions ------------------------------------------------------------------


def object_row(o: dict[str, Any]) -> dict[str, Any]:
    """The row of an object's JSON."""
    row = {**o, "rotation": _flat(o["rotation"])}
    row["quality"] = [{"name": k, "value": v} for k, v in sorted(o.get("quality", {}).items())]
    row["attributes"] = _attributes(o)
    if "visible" in o:
        box = o["visible"]
        row["visible"] = {**box, "rotation": _flat(box["rotation"])}
    if "region" in o:
        row["region"] = region_row(o["region"])
    return row


def object_json(row: dict[str, Any]) -> dict[str, Any]:
    """The JSON of an object's row."""
    o = {**row, "rotation": _matrix(row["rotation"])}
    o["quality"] = {q["name"]: q["value"] for q in row["quality"] or ()}
    o["attributes"] = _loads(row["attributes"])
    if row["visible"] is not None:
        o["visible"] = {**row["visible"], "rotation": _matrix(row["visible"]["rotation"])}
    if row["region"] is not None:
        o["region"] = region_json(row["region"])
    return o


def region_row(r: dict[str, Any]) -> dict[str, Any]:
    """The row of a region's JSON."""
    return {**r, "attributes": _attributes(r)}


def region_json(row: dict[str, Any]) -> dict[str, Any]:
    """The JSON of a region's row."""
    return {**row, "attributes": _loads(row["attributes"])}


def _attributes(data: dict[str, Any]) -> str | None:
    return fields.dumps(data["attributes"]) if data.get("attributes") else None


def _loads(text: str | None) -> Any:
    return None if text is None else strict_json.loads(text)


def _flat(matrix: list[list[float]]) -> list[float]:
    return [v for row in matrix for v in row]


def _matrix(flat: Any) -> Any:
    if not isinstance(flat, list) or len(flat) != 9:
        raise fields.refused("must have 9 entries, row by row", "rotation")
    return [flat[0:3], flat[3:6], flat[6:9]]


# -- pictures -----------------------------------------------------------------------------


def to_row(picture: Picture) -> dict[str, Any]:
    """The row of a picture: its files' paths, and image and depth where it is decoded."""
    files, view = picture.files, picture.rgbd
    row = {
        **{k: fields.text(getattr(picture, k), k) for k in ("id", "source", "licence")},
        "attributes": _attributes({"attributes": fields.plain(picture.attributes, "attributes")}),
        "labels": [r.label for r in picture.regions],
        "region_count": len(picture.regions),
        "regions": [region_row(picture_records.region_to_json(r)) for r in picture.regions],
        "image": {"path": files and files.image, "bytes": None},
        "depth": {"path": files and files.depth, "bytes": None, "scale": None},
        "camera_path": files and files.camera,
        "options": None if files is None else fields.dumps(fields.plain(files.options, "options")),
    }
    if view is not None:
        row |= picture_records.provenance_to_json(view.provenance)
        row["up"] = None if view.up is None else fields.numbers(view.up, "up")
        row["camera"] = picture_records.camera_to_json(view.camera)
        row["image"]["bytes"] = _encoded(view.image, files and files.image)
        if view.depth is not None:
            row["depth"]["bytes"], row["depth"]["scale"] = depths.depth_to_bytes(view.depth)
    return row


def from_row(row: dict[str, Any]) -> Picture:
    """The picture of a row, decoded where the row holds its image."""
    data = {k: row[k] for k in ("id", "source", "licence")}
    data["attributes"] = _loads(row["attributes"])
    data["regions"] = [region_json(r) for r in row["regions"] or ()]
    view = None if row["camera"] is None else _view(row)
    if row["image"]["path"] is None:
        return picture_records.picture_from_json(data, view)
    data["files"] = {
        "image": row["image"]["path"],
        "depth": row["depth"]["path"],
        "camera": row["camera_path"],
        "options": _loads(row["options"]),
    }
    return picture_records.picture_from_json(data, view)


def _view(row: dict[str, Any]) -> RGBD:
    camera = picture_records.camera_from_json(row["camera"])
    depth = None
    if row["depth"]["bytes"] is not None:
        shape = (camera.height, camera.width)
        depth = depths.depth_from_bytes(row["depth"]["bytes"], row["depth"]["scale"], shape)
    p = picture_records.provenance_from_json({k: row[k] for k in PROVENANCE})
    view = RGBD(
        image=_decoded(row["image"]["bytes"], camera),
        camera=camera,
        depth=depth,
        depth_source=p.depth,
        metric=p.metric,
        up=None if row["up"] is None else np.array(row["up"]),
        up_source=p.up,
        scale_sigma=p.scale_sigma,
    )
    return kept_unit(view, "up", row["up"])


def _encoded(image: np.ndarray, path: str | None) -> bytes:
    """The file's own bytes where they decode to exactly this image, else a PNG."""
    from PIL import Image

    height, width = image.shape[:2]
    if path is not None:
        try:
            with open(path, "rb") as f:
                data = f.read()
            if np.array_equal(_decoded(data, Camera(1, 1, 0, 0, width, height)), image):
                return data
        except (OSError, InputError):
            pass  # another file than the view was made of: the view is what counts
    out = io.BytesIO()
    # Level 1 writes 2 to 6 times faster than the default for an eighth more bytes.
    Image.fromarray(image).save(out, "png", compress_level=1)
    return out.getvalue()


def _decoded(data: bytes | None, camera: Camera) -> np.ndarray:
    from PIL import Image

    if data is None:
        raise fields.refused("is absent, though there is a camera", "image.bytes")
    try:
        with Image.open(io.BytesIO(data), formats=("jpeg", "png")) as found:
            if found.size != (camera.width, camera.height):
                raise fields.refused(
                    f"is {found.size}, the camera {camera.width}x{camera.height}", "image.bytes"
                )
            return np.asarray(found.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as e:
        if isinstance(e, InputError):
            raise
        raise fields.refused(f"is not a whole JPEG or PNG: {e}", "image.bytes") from None


# -- types --------------------------------------------------------------------------------


def object_type():
    """The Arrow struct of one object."""
    import pyarrow as pa

    text, real, reals = pa.string(), pa.float64(), pa.list_(pa.float64())
    box = [("center", reals), ("size", reals), ("rotation", reals)]
    return pa.struct(
        [
            ("id", text),
            ("label", text),
            *box,
            ("score", real),
            ("visibility", real),
            ("extent", text),
            ("depth_unobserved", pa.bool_()),
            ("quality", pa.list_(pa.struct([("name", text), ("value", real)]))),
            ("front", reals),
            ("visible", pa.struct(box)),
            ("spread", pa.struct([("center", reals), ("size", reals), ("yaw", real)])),
            ("attributes", text),
            ("region", region_type()),
        ]
    )


def region_type():
    """The Arrow struct of one region, its mask as COCO run lengths."""
    import pyarrow as pa

    text = pa.string()
    return pa.struct(
        [
            ("label", text),
            ("rectangle", pa.list_(pa.float64())),
            ("mask", pa.struct([("size", pa.list_(pa.int32())), ("counts", text)])),
            ("score", pa.float64()),
            ("expression", text),
            ("id", text),
            ("attributes", text),
        ]
    )


def camera_type():
    """The Arrow struct of a camera."""
    import pyarrow as pa

    focal = [(k, pa.float64()) for k in ("fx", "fy", "cx", "cy")]
    sides = [(k, pa.int32()) for k in ("width", "height")]
    return pa.struct([*focal, *sides, ("source", pa.string())])


def columns(provenance: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The columns of pictures."""
    import pyarrow as pa

    text, real, binary = pa.string(), pa.float64(), pa.binary()
    return [
        *((k, text) for k in ("id", "source", "licence")),
        ("labels", pa.list_(text)),
        ("region_count", pa.int32()),
        *provenance,
        ("up", pa.list_(real)),
        ("image", pa.struct([("bytes", binary), ("path", text)])),
        ("depth", pa.struct([("bytes", binary), ("path", text), ("scale", real)])),
        ("camera", camera_type()),
        ("camera_path", text),
        ("options", text),
        ("regions", pa.list_(region_type())),
        ("attributes", text),
    ]
