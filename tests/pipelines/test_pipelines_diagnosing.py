"""The doctor: files in conventions by chance are read as they were written, or not at all."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from n3d.apps import cli
from n3d.errors import InputError
from n3d.geometry import Box3D, Camera
from n3d.geometry.pose import axis_rotation
from n3d.pipelines import diagnoses, diagnosing
from n3d.scene import Object3D, Scene
from n3d.sources import cameras, conventions, convert, described, solids
from n3d.sources.grounded import Grounded

BENCHMARK = Path(__file__).parents[2] / "benchmarks/doctor.py"


@pytest.fixture(scope="module")
def doctor():
    """The benchmark, which makes the cases."""
    spec = importlib.util.spec_from_file_location("benchmark_doctor", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", range(2000, 2024))
def test_a_generated_file_is_read_as_it_was_written(doctor, tmp_path, seed):
    """Never wrong, and right where the case can be decided; its command reads the same boxes."""
    case = doctor.make(seed, tmp_path)
    verdict, found = doctor.judge(case)
    assert verdict in ("right", "ambiguous")
    if verdict == "ambiguous":
        assert case.up is not None or not doctor.identifiable(case)
        assert found.advice
        return
    if case.up is not None:  # a camera that leans, and the file does not say how
        assert doctor.lean_error(case, found) < 2
        return
    words = shlex.split(diagnoses.command(found, case.path, case.camera_file))
    assert words[:2] == ["n3d", "convert"]
    with pytest.raises(SystemExit) as stop:
        cli.main(words[1:])
    assert not stop.value.code
    (item,) = convert.FORMS["plain"].read(words[3])
    assert isinstance(item, Grounded)
    assert solids.same(Box3D.stack(o.box for o in item.scene.objects), case.boxes)


@pytest.fixture
def golden(shared):
    return json.loads((shared / "golden/reference_object.json").read_text())


def _files(folder, golden, boxes, rectangles=None):
    """A file of boxes, its camera, and 2D boxes beside it."""
    camera = {"K": golden["K"], "width": 1280, "height": 720}
    (folder / "camera.json").write_text(json.dumps(camera))
    (folder / "boxes.json").write_text(json.dumps(boxes))
    regions = [{"label": "sofa", "bbox": r} for r in rectangles or [golden["coco_bbox_xywh"]]]
    (folder / "regions.json").write_text(json.dumps(regions))
    return folder / "boxes.json", folder / "camera.json", folder / "regions.json"


def test_a_documented_form_is_named(tmp_path, golden, capsys):
    """The truth is among what remains even on one box, and its form is found."""
    row = golden["qwen3vl_bbox_3d_units_of_pi"]
    boxes, camera, regions = _files(tmp_path, golden, [{"bbox_3d": row, "label": "sofa"}])
    found = diagnosing.diagnose(boxes, camera=camera, regions=regions)
    assert found.form == "qwen"
    assert found.best.agreement > 0.999
    assert str(found.best.convention) == "frame=rdf,rotation=euler:xyz:zyx:+:pi"
    with pytest.raises(SystemExit) as stop:
        cli.main(["doctor", str(boxes), "--camera", str(camera), "--regions", str(regions)])
    assert not stop.value.code
    out = capsys.readouterr().out
    assert "x right, y down, z forward (OpenCV camera)" in out
    assert "--from qwen --to plain" in out


@pytest.fixture
def room(tmp_path):
    """Three things before a camera that leans, their 2D boxes and the direction of gravity."""
    up = axis_rotation(0, 0.25) @ [0.0, -1, 0]
    camera = Camera(600, 600, 320, 240, 640, 480)
    boxes = [
        Object3D(name, name, Box3D(at, size, axis_rotation(0, 0.25) @ axis_rotation(1, yaw)))
        for name, at, size, yaw in (
            ("chair", [-0.9, 0.3, 3.4], [0.6, 0.9, 0.5], 0.5),
            ("table", [0.8, 0.5, 3.0], [1.5, 0.75, 0.8], -0.9),
            ("bed", [0.2, -0.2, 5.0], [1.9, 0.6, 1.4], 1.2),
        )
    ]
    regions = []
    for thing in boxes:
        x0, y0, x1, y1 = thing.box.project(camera).tolist()
        regions.append({"label": thing.label, "bbox": [x0, y0, x1 - x0, y1 - y0]})
    (tmp_path / "regions.json").write_text(json.dumps(regions))
    cameras.write(tmp_path / "camera.json", camera)
    return Grounded(Scene("s", "p", tuple(boxes), up=up), camera)


@pytest.mark.parametrize("form", ["plain", "omni3d", "sunrgbd", "boxer", "spatiallm", "qwen",
                                  "gemini", "wilddet3d", "upstream"])  # fmt: skip
def test_files_of_every_form_are_known(room, tmp_path, form):
    """Each documented form is found, also where its text could be another's (Bbox lines)."""
    path = tmp_path / f"boxes{convert.FORMS[form].suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        convert.FORMS[form].write(path, [room])
    found = diagnosing.diagnose(
        path, camera=tmp_path / "camera.json", regions=tmp_path / "regions.json",
        up=room.scene.up,
    )  # fmt: skip
    assert found.form == form, found.best
    assert found.verdict == "known", found.others
    hulls = form == "upstream"
    assert solids.same(found.found, room.scene.boxes.hull() if hulls else room.scene.boxes)
    if form in ("upstream", "spatiallm"):
        with pytest.raises(InputError, match="--regions"):
            diagnosing.diagnose(path, camera=tmp_path / "camera.json")


def test_json_tells_the_evidence(tmp_path, golden, capsys):
    row = golden["wilddet3d_tensor"]
    boxes, camera, regions = _files(tmp_path, golden, [{"bbox_3d": row, "label": "sofa"}])
    argv = ["doctor", str(boxes), "--camera", str(camera), "--regions", str(regions), "--json", "-"]
    with pytest.raises(SystemExit):
        cli.main(argv)
    told = json.loads(capsys.readouterr().out)
    assert told["convention"] == "frame=rdf,size=zxy,rotation=quaternion:wxyz"
    assert told["units"] == ["m"]
    assert told["agreement"] > 0.999
    for other in told["others"]:
        assert other["agreement"] < told["agreement"]


def test_boxes_of_another_place_fit_no_convention(tmp_path, golden):
    rng = np.random.default_rng(0)
    boxes = [
        {"center": [*rng.uniform(-30, 30, 2), 40.0], "size": [1, 2, 3], "yaw": 1, "label": "sofa"}
        for _ in range(8)
    ]
    rectangles = [[*rng.uniform(0, 500, 2), 200, 100] for _ in range(8)]
    files = _files(tmp_path, golden, boxes, rectangles)
    found = diagnosing.diagnose(files[0], camera=files[1], regions=files[2])
    assert found.verdict == "none"
    assert "pose" in found.advice[0]
    assert diagnoses.to_json(found, "")["command"] is None


def test_how_a_camera_leans_is_found_and_told(room, tmp_path):
    """Boxes in a frame level with gravity, and nobody says how the camera leans."""
    rng = np.random.default_rng(0)
    tilt = axis_rotation(0, 0.25)
    more = [
        Object3D(
            f"{n}",
            "chair",
            Box3D(
                room.camera.lift(rng.uniform([150, 120], [500, 380]), rng.uniform(2, 5)),
                rng.uniform(0.4, 1.1, 3),
                tilt @ axis_rotation(1, rng.uniform(-3, 3)),
            ),
        )
        for n in range(8)
    ]
    item = replace(room, scene=replace(room.scene, objects=tuple(more)))
    told = conventions.parse("frame=flu,level,size=yxz,rotation=yaw:-z:deg")
    described.write(tmp_path / "f.json", [item], convention=told)
    found = diagnosing.diagnose(tmp_path / "f.json")
    assert found.verdict == "known"
    assert found.up is not None
    assert np.allclose(found.up, room.scene.up, atol=1e-3)
    assert solids.same(found.found, item.scene.boxes)
    assert "--up=" in diagnoses.command(found, tmp_path / "f.json")
    assert found.best.convention.frame[2] == "u"


def test_what_is_missing_is_said(tmp_path, golden):
    boxes, camera, regions = _files(
        tmp_path, golden, [{"center": [0, 0, 3], "size": [1, 1, 1], "label": "sofa"}]
    )
    with pytest.raises(InputError, match="--camera"):
        diagnosing.diagnose(boxes)
    with pytest.raises(InputError, match="--regions"):
        diagnosing.diagnose(boxes, camera=camera)
    regions.write_text(json.dumps([{"label": "bed", "bbox": [1, 1, 9, 9]}]))
    with pytest.raises(InputError, match="unpaired"):
        diagnosing.diagnose(boxes, camera=camera, regions=regions)
    with pytest.raises(InputError, match="no 3D boxes"):
        diagnosing.diagnose(camera, camera=camera)
