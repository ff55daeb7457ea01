"""Real depth images, calibrations and poses."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from n3d.errors import GeometryError
from n3d.geometry import Box3D, Camera, Pose, axis_rotation

MIRROR_Y = np.array([1, -1, 1])  # between a y-up frame and ours


def test_gradslam_vertex_maps(shared):
    """Back-projection with a y-up calibration whose pixel centres are whole numbers."""
    folder = shared / "data" / "gradslam_msrd"
    depths, matrices, poses, local, world = (
        np.load(folder / f"{name}.npy")[0]
        for name in ("depths", "intrinsics", "poses", "vertex_map", "global_vertex_map")
    )
    k = matrices[0, :3, :3]
    with pytest.raises(GeometryError, match="y_up"):
        Camera.from_matrix(k, 160, 120, pixel_center=0)
    camera = Camera.from_matrix(k, 160, 120, pixel_center=0, y_up=True)
    world_from_camera = Pose.from_matrix(poses)
    for i, depth in enumerate(depths[..., 0]):
        found = camera.unproject(depth)
        points = found.xyz * MIRROR_Y
        np.testing.assert_allclose(points, local[i], rtol=0, atol=2e-7)
        pose = Pose(world_from_camera.rotation[i], world_from_camera.translation[i])
        moved = pose.apply(points.reshape(-1, 3)).reshape(points.shape)
        np.testing.assert_allclose(moved[found.valid], world[i][found.valid], rtol=0, atol=5e-7)
    wrong = Camera.from_matrix(k, 160, 120, y_up=True).unproject(depths[0, ..., 0])
    assert np.abs(wrong.xyz * MIRROR_Y - local[0]).max() > 1e-3


def seven_scenes(shared):
    folder = shared / "data" / "tsdf_fusion_7scenes" / "data"
    camera = Camera.from_matrix(np.loadtxt(folder / "camera-intrinsics.txt"), 640, 480)
    for name in ("000000", "000010", "000020", "000030", "000040"):
        depth = np.asarray(Image.open(folder / f"frame-{name}.depth.png")) / 1000
        depth[depth > 60] = 0  # 65535 marks missing depth
        yield camera, depth, Pose.from_matrix(np.loadtxt(folder / f"frame-{name}.pose.txt"))


def open3d_frames(shared):
    folder = shared / "data" / "open3d_testdata_rgbd"
    stored = json.loads((folder / "camera_primesense.json").read_text())
    k = np.reshape(stored["intrinsic_matrix"], (3, 3)).T  # column-major
    camera = Camera.from_matrix(k, 640, 480, pixel_center=0)
    lines = (folder / "RGBD" / "trajectory.log").read_text().splitlines()
    for i in range(5):
        pose = np.loadtxt(lines[5 * i + 1 : 5 * i + 5])
        depth = np.asarray(Image.open(folder / "RGBD" / "depth" / f"{i:05}.png")) / 1000
        yield camera, depth, Pose.from_matrix(pose)


def warp_error(camera, depth, other_depth, other_from_this) -> float:
    """Median difference between the depth of moved points and the depth seen there."""
    points = other_from_this.apply(camera.unproject(depth).points())
    uv = camera.project(points)
    inside = (uv >= 0).all(axis=1) & (uv < [camera.width, camera.height]).all(axis=1)
    u, v = uv[inside].astype(int).T
    seen = other_depth[v, u]
    return float(np.median(np.abs(seen - points[inside, 2])[seen > 0]))


@pytest.mark.parametrize("frames", [seven_scenes, open3d_frames])
def test_pose_chains_bring_frames_together(shared, frames):
    (camera, depth, world_from_first), *others = frames(shared)
    for _, other_depth, world_from_other in others:
        error = warp_error(
            camera, depth, other_depth, world_from_other.inverse() @ world_from_first
        )
        assert error < 0.009
        backward = warp_error(
            camera, depth, other_depth, world_from_first.inverse() @ world_from_other
        )
        assert error < backward
    still = warp_error(camera, depth, other_depth, Pose.identity())
    assert still > 4 * error


def test_column_major_poses_are_refused(shared):
    *_, pose = next(seven_scenes(shared))
    with pytest.raises(GeometryError, match="column-major"):
        Pose.from_matrix(pose.matrix.T)


def test_sunrgbd_boxes_hold_their_points(shared):
    """Points in the annotated boxes are counted, and every point falls on its own pixel."""
    folder = shared / "data" / "sunrgbd_000017"
    truth = json.loads((folder / "gt_camera.json").read_text())
    calibration = json.loads((folder / "infos_v0.x.json").read_text())["calib"]
    rows = np.fromfile(folder / "000017.bin", np.float32).reshape(-1, 6)
    # From x right, y forward, z up, level with the ground.
    camera_from_level = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]) @ np.transpose(
        calibration["Rt"]
    )
    pose = Pose(camera_from_level, np.zeros(3))
    points = pose.apply(rows[:, :3])
    np.testing.assert_allclose(pose.apply([0, 0, 1]), truth["gravity_up_cam"], atol=1e-5)

    boxes = Box3D.stack(
        Box3D(b["center_cam"], b["size_local_xyz"], b["R_cam"]) for b in truth["boxes"]
    )
    counts = [b["n_points_inside"] for b in truth["boxes"]]
    assert np.abs(boxes.contains(points).sum(axis=1) - counts).max() <= 2
    turned = Box3D(boxes.center, boxes.size, boxes.rotation @ axis_rotation(2, -2 * 1.1))
    assert turned.contains(points)[1].sum() < counts[1] / 2  # the yaw has a sign

    camera = Camera.from_matrix(truth["K"], 730, 530, pixel_center=1)
    uv = camera.project(points)
    assert np.abs(uv - np.floor(uv) - 0.5).max() < 0.05
    image = np.asarray(Image.open(folder / "000017.jpg").convert("RGB"))
    u, v = uv.astype(int).T
    assert np.abs(image[v, u] / 255 - rows[:, 3:]).mean() < 0.01
    assert len(np.unique(np.stack([u, v]), axis=1).T) == len(points)
