"""Single-object views: the mask's points lie on the box, and the variants are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from n3d.errors import ConfigError
from n3d.geometry import Camera
from n3d.synthetic import boxes

SMALL = boxes.CAMERA.resize(320, 240)


@pytest.mark.parametrize("variant", boxes.VARIANTS)
def test_every_mask_pixel_lies_in_the_box(variant):
    rng = np.random.default_rng(1)
    for _ in range(6):
        view = boxes.single_box(rng, variant=variant, camera=SMALL)
        points = view.camera.unproject(view.depth).points(view.mask)
        assert len(points) == view.mask.sum() >= 200
        assert view.box.contains(points, 1e-4).all()
        assert view.depth[~view.mask].min() > points[:, 2].min() + 0.9  # the wall is behind
        assert (view.depth > 0).all()


def test_a_solid_box_shows_points_on_its_faces_only():
    rng = np.random.default_rng(2)
    for _ in range(6):
        view = boxes.single_box(rng, camera=SMALL)
        points = view.camera.unproject(view.depth).points(view.mask)
        local = np.abs((points - view.box.center) @ view.box.rotation) / (view.box.size / 2)
        np.testing.assert_allclose(local.max(axis=1), 1, atol=1e-4)
        assert (view.box.size >= 0.3).all()
        assert (view.box.size <= 1.2).all()
        assert 1.5 <= view.box.center[2] <= 5


def test_variants():
    rng = np.random.default_rng(3)
    thin = boxes.single_box(rng, variant="thin", camera=SMALL)
    assert thin.box.size.min() <= 0.03
    cut = boxes.single_box(rng, variant="truncated", camera=SMALL)
    border = np.zeros_like(cut.mask)
    border[[0, -1]] = border[:, [0, -1]] = True
    assert (cut.mask & border).any()
    assert 0.2 <= cut.inside <= 0.8
    for variant in ("solid", "thin", "concave"):
        whole = boxes.single_box(rng, variant=variant, camera=SMALL)
        assert whole.inside == 1
        assert not (whole.mask & border).any()


def test_the_same_generator_state_gives_the_same_view():
    a, b = (boxes.single_box(np.random.default_rng(5), camera=SMALL) for _ in range(2))
    np.testing.assert_array_equal(a.depth, b.depth)
    np.testing.assert_array_equal(a.mask, b.mask)
    assert a.box.allclose(b.box)


def test_impossible_requests_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigError):
        boxes.single_box(rng, variant="huge")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigError):
        boxes.single_box(rng, camera=Camera(900, 900, 8, 8, 16, 16))
