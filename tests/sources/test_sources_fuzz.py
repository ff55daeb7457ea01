"""Any JSON in any place of any form: a typed error or a Drop, never another exception."""

from __future__ import annotations

import copy
import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from n3d.errors import N3DError
from n3d.geometry import Box3D, Camera
from n3d.scene import Object3D, Region, Scene
from n3d.sources import (
    InputWarning,
    camera_files,
    cameras,
    coco,
    conventions,
    described,
    regions,
)
from n3d.sources.convert import FORMS
from n3d.sources.grounded import Grounded

JUNK = st.sampled_from(
    [
        None, True, 0, -1, 7, 1e308, -1e308, 2**70, 10**400, 0.5, "", "a", "1", "é\0", [], {},
        [None], [1, 2], [[1]], {"a": 1}, [1, 2, 3], ["a", "b", "c"], [[1, 2, 3]] * 3, [0, 0, 0, 0],
        float("inf"),
    ]
)  # fmt: skip


def _places(value, path=()):
    """The paths of all members of a JSON value."""
    yield path
    children = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for key, child in children:
        yield from _places(child, (*path, key))


def _put(value, path, junk):
    if not path:
        return junk
    value = copy.deepcopy(value)
    at = value
    for key in path[:-1]:
        at = at[key]
    if junk == "remove":
        del at[path[-1]]
    else:
        at[path[-1]] = junk
    return value


def _spoiled(data, value):
    """The value with one to three members replaced or removed, as JSON text."""
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(_places(value))))
        value = _put(value, path, data.draw(JUNK | (st.just("remove") if path else JUNK)))
    return json.dumps(value).replace("Infinity", "1e999")


def _names_its_file(error: N3DError) -> None:
    assert error.file


def _item() -> Grounded:
    mask = np.zeros((30, 40), bool)
    mask[5:9, 5:9] = True
    box = Box3D.from_euler([0.1, 0.2, 2.0], [0.5, 0.4, 0.3], 0.4)
    thing = Object3D("o", "mug", box, Region("mug", (5, 5, 9, 9), mask), visibility=0.5)
    scene = Scene("s", "p", (thing, thing), up=np.array([0.0, -1, 0]))
    return Grounded(scene, Camera(50, 50, 20, 15, 40, 30), "a.jpg")


@pytest.mark.parametrize(
    "form", ["plain", "omni3d", "sunrgbd", "wilddet3d", "qwen", "gemini", "upstream-chats"]
)
@settings(max_examples=60)
@given(st.data())
def test_forms_of_boxes(tmp_path_factory, form, data):
    path = tmp_path_factory.getbasetemp() / f"fuzz-{form}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        FORMS[form].write(path, [_item()])
    path.write_text(_spoiled(data, json.loads(path.read_text())))
    try:
        list(FORMS[form].read(path))
    except N3DError as e:
        _names_its_file(e)


@settings(max_examples=60)
@given(st.data())
def test_files_of_no_known_convention(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzz-foreign"
    convention = conventions.parse("frame=rub,rotation=quaternion:wxyz")
    described.write(path, [_item()], convention=convention)
    path.write_text(_spoiled(data, json.loads(path.read_text())))
    try:
        list(described.read(path, convention=convention))
    except N3DError as e:
        _names_its_file(e)


@settings(max_examples=100)
@given(st.data())
def test_coco_and_regions(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    (folder / "a.png").write_bytes(b"x")
    record = {
        "id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 1, 5, 5],
        "segmentation": [[1, 1, 9, 1, 9, 9]],
    }  # fmt: skip
    other = record | {"id": 2, "segmentation": {"size": [30, 40], "counts": [0, 1200]}}
    value = {
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30, "license": 1}],
        "annotations": [record, other],
        "categories": [{"id": 3, "name": "mug"}],
        "licenses": [{"id": 1, "name": "x", "url": "y"}],
    }
    path = folder / "fuzz-coco"
    path.write_text(_spoiled(data, value))
    for read in (
        lambda: list(coco.read(path, folder)),
        lambda: regions.read(path, width=40, height=30, strict=False),
    ):
        try:
            read()
        except N3DError as e:
            _names_its_file(e)


@settings(max_examples=100)
@given(st.data())
def test_plain_regions(tmp_path_factory, data):
    value = [
        {
            "label": "a", "bbox": [1, 1, 5, 5], "score": 1, "id": "x", "expression": "e",
            "segmentation": {"size": [30, 40], "counts": "0"},
        }
    ]  # fmt: skip
    path = tmp_path_factory.getbasetemp() / "fuzz-regions"
    path.write_text(_spoiled(data, value))
    try:
        regions.read(path, width=40, height=30, strict=False)
    except N3DError as e:
        _names_its_file(e)


@settings(max_examples=100)
@given(st.data())
def test_cameras(tmp_path_factory, data):
    value = {"K": [[50, 0, 20], [0, 50, 15], [0, 0, 1]], "width": 40, "height": 30, "y_up": False}
    path = tmp_path_factory.getbasetemp() / "fuzz-camera"
    path.write_text(_spoiled(data, value))
    try:
        cameras.fit(camera_files.read(path), (40, 30), (40, 30), 1)
    except N3DError as e:
        _names_its_file(e)


@pytest.mark.parametrize("form", ["kitti", "boxer", "upstream", "spatiallm"])
@settings(max_examples=60)
@given(st.data())
def test_forms_of_text(tmp_path_factory, form, data):
    path = tmp_path_factory.getbasetemp() / f"fuzz-{form}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        FORMS[form].write(path, [_item()])
    text = path.read_text()
    for _ in range(3):
        at = data.draw(st.integers(0, len(text)))
        piece = data.draw(
            st.sampled_from(["", " ", ",", "\n", "nan", "1e999", "-", "é", '"', "\0"])
        )
        text = text[:at] + piece + text[at + data.draw(st.integers(0, 4)) :]
    path.write_text(text)
    try:
        list(FORMS[form].read(path, camera=_item().camera))
    except N3DError as e:
        _names_its_file(e)
