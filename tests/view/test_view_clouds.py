"""PLY and GLB files read back as what was written."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from n3d import view
from n3d.errors import ConfigError, InputError
from n3d.geometry import Box3D, euler
from n3d.scene import Object3D
from n3d.view import clouds, palette


def read_ply(path):
    """A reader of its own: vertices with colours, and triangles."""
    data = path.read_bytes()
    head, body = data.split(b"end_header\n", 1)
    lines = head.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    counts = {p[1]: int(p[2]) for p in (x.split() for x in lines) if p[0] == "element"}
    assert "OpenCV camera frame" in lines[2]
    vertex = np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3)])
    vertices = np.frombuffer(body, vertex, counts["vertex"])
    face = np.dtype([("n", "u1"), ("at", "<i4", 3)])
    rest = body[vertices.nbytes :]
    faces = np.frombuffer(rest, face, counts.get("face", 0))
    assert len(rest) == faces.nbytes
    assert (faces["n"] == 3).all()
    return vertices["xyz"], vertices["rgb"], faces["at"]


def test_a_view_reads_back_as_its_points(tmp_path, rgbd):
    path = view.ply(tmp_path / "a.ply", rgbd)
    xyz, rgb, faces = read_ply(path)
    points = rgbd.points
    assert (xyz == points.points()).all()
    assert (rgb == rgbd.image[points.valid]).all()
    assert len(faces) == 0


def test_boxes_follow_the_points_as_bars_inside_their_extents(tmp_path, objects):
    points = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    xyz, rgb, faces = read_ply(view.ply(tmp_path / "a.ply", points, boxes=objects))
    assert (xyz[:7] == points).all()
    assert (rgb[:7] == 160).all()
    assert len(xyz) == 7 + 96 * len(objects)
    assert len(faces) == 144 * len(objects)
    assert faces.min() == 7
    assert faces.max() == len(xyz) - 1
    for i, item in enumerate(objects):
        part = xyz[7 + 96 * i : 7 + 96 * (i + 1)]
        assert (rgb[7 + 96 * i] == palette.of_index(i)).all()
        local = (part - item.box.center) @ np.asarray(item.box.rotation)
        assert np.allclose(local.max(axis=0), item.box.size / 2, atol=1e-6)
        assert np.allclose(local.min(axis=0), -item.box.size / 2, atol=1e-6)


def test_triangles_of_bars_point_outwards(tmp_path):
    xyz, _, faces = read_ply(view.ply(tmp_path / "a.ply", boxes=Box3D([0, 0, 2], [1, 1, 1])))
    a, b, c = (xyz[faces[:, k]].astype(float) for k in range(3))
    volume = (np.cross(a, b) * c).sum() / 6
    solid = sum(float(bar.volume) for bar in clouds.bars(Box3D([0, 0, 2], [1, 1, 1])))
    assert volume == pytest.approx(solid, rel=1e-4)


def test_trimesh_reads_the_points(tmp_path, rgbd):
    trimesh = pytest.importorskip("trimesh")
    cloud = trimesh.load(view.ply(tmp_path / "a.ply", rgbd))
    assert len(cloud.vertices) == np.count_nonzero(rgbd.depth)


def test_glb_has_the_extents_of_the_boxes_in_the_frame_of_gltf(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    box = Box3D([0.5, 0.25, 3.0], [1.0, 0.4, 0.6])
    scene = trimesh.load(view.glb(tmp_path / "a.glb", boxes=box))
    low, high = scene.bounds
    assert np.allclose(low, [0.0, -0.45, -3.3], atol=1e-5)
    assert np.allclose(high, [1.0, -0.05, -2.7], atol=1e-5)


def test_glb_keeps_points_colours_and_labels(tmp_path, rgbd, objects):
    trimesh = pytest.importorskip("trimesh")
    scene = trimesh.load(view.glb(tmp_path / "a.glb", rgbd, boxes=objects))
    (cloud,) = [g for g in scene.geometry.values() if isinstance(g, trimesh.PointCloud)]
    assert np.allclose(cloud.vertices, rgbd.points.points() * [1, -1, -1], atol=1e-5)
    assert (np.asarray(cloud.colors)[:, :3] == rgbd.image[rgbd.points.valid]).all()
    names = " ".join(scene.graph.nodes_geometry)
    assert all(o.label in names for o in objects)
    faces = [g for n, g in scene.geometry.items() if n.endswith("faces")]
    assert len(faces) == len(objects)
    assert all(g.visual.material.alphaMode == "BLEND" for g in faces)


def test_glb_is_levelled_where_gravity_is_known(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    tilt = euler(pitch=-0.4, roll=0.1)
    box = Box3D(tilt @ [0.2, 0.3, 3.0], [1.0, 0.4, 0.6], tilt)
    path = view.glb(tmp_path / "a.glb", boxes=[Object3D("a", "a", box)], up=tilt @ [0, -1.0, 0])
    low, high = trimesh.load(path).bounds
    # The box is level in the world, so that its height is its own size along y.
    assert high[1] - low[1] == pytest.approx(0.4, abs=1e-5)
    assert (high + low)[1] / 2 == pytest.approx(-0.3, abs=1e-5)


def test_a_missing_extra_is_told_with_its_name(tmp_path, objects, monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(ConfigError, match=r'pip install "n3d\[mesh\]"'):
        view.glb(tmp_path / "a.glb", boxes=objects)


def test_thinning_keeps_the_number_and_repeats_itself(rgbd):
    a, b = clouds.of_view(rgbd, 500), clouds.of_view(rgbd, 500)
    assert len(a[0]) == 500
    assert all((x == y).all() for x, y in zip(a, b))
    assert len(clouds.of_view(rgbd, 10**9)[0]) == np.count_nonzero(rgbd.depth)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "no points and no boxes"),
        ({"points": np.zeros((3, 2))}, "shape"),
        ({"points": np.full((3, 3), np.nan)}, "finite"),
        ({"points": np.zeros((3, 3)), "colours": np.zeros((2, 3), np.uint8)}, "colours"),
        ({"points": np.zeros((3, 3)), "colours": np.zeros((3, 3))}, "uint8"),
    ],
)
def test_nonsense_is_refused(tmp_path, arguments, words):
    with pytest.raises(InputError, match=words):
        view.ply(tmp_path / "a.ply", **arguments)


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        view.ply(tmp_path / "nowhere" / "a.ply", np.zeros((1, 3)))
