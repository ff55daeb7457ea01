"""Recordings for Rerun hold what the nouns hold, read back by Rerun's own reader."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from n3d import view
from n3d.errors import ConfigError, InputError
from n3d.geometry import Box3D
from n3d.scene import RGBD


def read(path) -> dict:
    """What a recording holds: name of the entity -> columns."""
    reading = pytest.importorskip("rerun.chunk", reason="needs an SDK with a reader of its own")
    found = {}
    for chunk in reading.RrdReader(path).stream():
        batch = chunk.to_record_batch()
        columns = found.setdefault(str(chunk.entity_path).strip("/"), {})
        for name in batch.schema.names:
            columns[name.rpartition(":")[2]] = batch.column(name).to_pylist()[0]
    return found


@pytest.fixture
def parts(tmp_path, rgbd, objects):
    pytest.importorskip("rerun", reason="needs the extra: pip install 'n3d[rerun]'")
    return read(view.rrd(tmp_path / "a.rrd", rgbd, boxes=objects, most_points=500))


def test_boxes_keep_place_size_rotation_and_label(parts, objects):
    found = parts["scene/boxes"]
    assert found["labels"] == [o.label for o in objects]
    stack = Box3D.stack(o.box for o in objects)
    assert np.allclose(found["centers"], stack.center, atol=1e-6)
    assert np.allclose(2 * np.array(found["half_sizes"]), stack.size, atol=1e-6)
    turned = Rotation.from_quat(found["quaternions"]).as_matrix()
    assert np.allclose(turned, stack.rotation, atol=1e-6)


def test_camera_points_and_depth_are_those_of_the_view(parts, rgbd):
    (columns,) = parts["scene/camera"]["image_from_camera"]  # by columns
    assert np.allclose(np.reshape(columns, (3, 3)).T, [[300, 0, 160], [0, 300, 120], [0, 0, 1]])
    assert parts["scene/camera"]["resolution"] == [[320, 240]]
    assert len(parts["scene/points"]["positions"]) == 500
    depth = np.frombuffer(bytes(parts["depth"]["buffer"][0]), np.float32)
    assert np.array_equal(depth.reshape(240, 320), rgbd.depth)
    assert np.allclose(parts["scene/up"]["vectors"], [rgbd.up])


def test_a_picture_alone_is_a_recording(tmp_path, rgbd):
    pytest.importorskip("rerun", reason="needs the extra: pip install 'n3d[rerun]'")
    alone = RGBD(rgbd.image, rgbd.camera)
    found = read(view.rrd(tmp_path / "a.rrd", alone))
    assert {"scene/camera", "scene/camera/image"} <= set(found)
    assert not {"scene/points", "scene/boxes", "scene/up", "depth"} & set(found)
    with pytest.raises(InputError, match="cannot be written"):
        view.rrd(tmp_path / "no/such/a.rrd", alone)


def test_without_the_sdk_the_extra_is_named(tmp_path, rgbd, monkeypatch):
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(ConfigError, match=r'pip install "n3d\[rerun\]"'):
        view.rrd(tmp_path / "a.rrd", rgbd)
    assert not list(tmp_path.iterdir())
