from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from language_samples import CAMERA, boxes, labels_any, named, ups

from n3d.errors import FormatError
from n3d.geometry import Box3D, Camera, euler, upright
from n3d.geometry.box import RELABELLINGS
from n3d.language import Scale, grid
from n3d.language import boxes as dialect
from n3d.language.grid import PER_DECADE

STEP = 10 ** (0.5 / PER_DECADE)


def relabelled(box: Box3D):
    for m in RELABELLINGS:
        yield Box3D(box.center, box.size @ np.abs(m), box.rotation @ m)


def one(parsed):
    assert parsed.faults == ()
    return parsed.items[0].box


@given(boxes(), labels_any)
def test_aligned_round_trip(box, label):
    text = dialect.write([named(label, box)], CAMERA)
    parsed = dialect.read(text, CAMERA)
    back = one(parsed)
    assert parsed.items[0].label == label
    assert (np.abs(np.log(back.size / box.size)) <= np.log(STEP) + 1e-9).all()
    assert abs(np.log(back.center[2] / box.center[2])) <= np.log(STEP) + 1e-9
    shift = CAMERA.project(back.center) - CAMERA.project(box.center)
    assert (np.abs(shift / [640, 480]) <= 1e-4 + 1e-9).all()
    assert dialect.write(parsed.items, CAMERA) == text


@given(st.data(), ups.filter(lambda up: up is not None))
def test_upright_round_trip(data, up):
    box = data.draw(boxes(up))
    text = dialect.write([named("mug", box)], CAMERA, up=up)
    parsed = dialect.read(text, CAMERA, up=up)
    back = one(parsed)
    assert dialect.write(parsed.items, CAMERA, up=up) == text
    nearest = min(
        relabelled(back), key=lambda b: np.linalg.norm(b.rotation - box.rotation, ord="fro")
    )
    assert (np.abs(np.log(nearest.size / box.size)) <= np.log(STEP) + 1e-9).all()
    angle = np.arccos(np.clip((np.trace(nearest.rotation.T @ box.rotation) - 1) / 2, -1, 1))
    assert np.degrees(angle) <= 0.125 + 1e-4


@given(st.data(), ups)
def test_one_box_has_one_text(data, up):
    box = data.draw(boxes(up))
    texts = {dialect.write([named("mug", b)], CAMERA, up=up) for b in relabelled(box)}
    assert len(texts) == 1


@pytest.mark.parametrize("up", [[0, -1, 0], [0.05, -0.9, -0.3]])
@pytest.mark.parametrize("cells", [-180, -179, -1, 0, 1, 90, 179, 180])
def test_one_text_also_on_the_edge_between_two_cells(up, cells):
    rng = np.random.default_rng(5)
    for _ in range(10):
        numbers = np.array([*rng.integers(3000, 7000, 6), 180])
        box = dialect.decode(numbers, CAMERA, up=up)  # half a cell beyond straight on
        turn = (cells - 0.5) * grid.YAW_STEP
        turned = upright(up) @ euler(yaw=turn) @ upright(up).T @ box.rotation
        edge = Box3D(box.center, box.size, turned)
        texts = {dialect.write([named("a", b)], CAMERA, up=up) for b in relabelled(edge)}
        assert len(texts) == 1


@given(st.data(), ups, st.integers(-1000, 1000))
def test_a_zoomed_scene_has_the_same_relative_text(data, up, steps):
    box = data.draw(boxes(up))
    factor = 10 ** (steps / PER_DECADE)
    scale = Scale.of_length(float(np.clip(box.center[2], 0.1, 10)))
    try:
        near = dialect.write([named("mug", box)], CAMERA, up=up, scale=scale)
        far = dialect.write(
            [
                named(
                    "mug",
                    dialect.decode(dialect.encode(box, CAMERA, up=up), CAMERA, up=up).scaled(
                        factor
                    ),
                )
            ],
            CAMERA,
            up=up,
            scale=Scale(scale.index + steps),
        )
    except FormatError:  # one of the two scenes leaves the grids
        return
    assert near == far
    back = one(dialect.read(near, CAMERA, up=up, scale=scale))
    again = one(dialect.read(far, CAMERA, up=up, scale=Scale(scale.index + steps)))
    assert np.allclose(back.scaled(factor).corners, again.corners, rtol=1e-9)


def test_scale_shifts_depth_and_sizes_only():
    box = Box3D([0.3, 0.2, 2.0], [0.4, 0.5, 0.6])
    scale = Scale.of_length(1.7)
    a, r = (
        [int(n) for n in dialect.write([named("mug", box)], CAMERA, scale=s)[:-2].split(",")[1:]]
        for s in (None, scale)
    )
    assert [x - y for x, y in zip(a, r)] == [0, 0, *[scale.index - 7500] * 4]


def test_known_text():
    box = Box3D(CAMERA.lift([320, 240], 1.0005), [0.1001, 1.0005, 10.005])
    assert dialect.write([named("night stand", box)], CAMERA) == (
        "bbox_0=Bbox(night stand,5000,5000,5000,2501,5000,7500)\n"
    )


def test_yaw_is_relative_to_the_viewing_ray():
    up = [0, -1, 0]
    texts = []
    for x in (-2.0, 0.0, 3.0):  # the same side turned to the camera from three places
        bearing = np.arctan2(x, 4.0)
        box = Box3D([x, 0.1, 4.0], [1, 0.5, 0.4], euler(yaw=bearing + 0.2))
        texts.append(dialect.write([named("sofa", box)], CAMERA, up=up).split(",")[4:])
    assert texts[0] == texts[1] == texts[2]
    assert int(texts[0][3][:3]) == int(180 + np.degrees(0.2) * 4)


def test_sides_are_named_as_seen():
    """A bench seen from its end has its long side along the view, whatever its axes are called."""
    box = Box3D([0, 0, 4], [2.0, 0.4, 0.5], euler(yaw=np.pi / 2 + 0.1))
    back = one(
        dialect.read(
            dialect.write([named("bench", box)], CAMERA, up=[0, -1, 0]), CAMERA, up=[0, -1, 0]
        )
    )
    assert np.allclose(back.size, [0.5, 0.4, 2.0], rtol=1e-3)


def test_tilted_boxes_are_refused_or_fitted_as_asked():
    up = np.array([0.1, -0.9, -0.2]) / np.linalg.norm([0.1, -0.9, -0.2])
    lying = euler(pitch=np.pi / 2)  # a standing box laid on its side is still upright
    level = upright(up) @ euler(yaw=0.7) @ lying
    tilted = upright(up) @ euler(0.3, 0.2, 0.1)
    size = [0.5, 1.0, 0.4]
    dialect.write([named("a", Box3D([0, 0, 3], size, level))], CAMERA, up=up)
    bad = Box3D([0, 0, 3], size, tilted)
    for given_up in (None, up):
        with pytest.raises(FormatError, match="bbox_0: is tilted by") as caught:
            dialect.write([named("a", bad)], CAMERA, up=given_up)
        assert caught.value.code == "box-tilted"
        hull = dialect.fit(bad, given_up, "hull")
        assert hull.contains(bad.corners, margin=1e-9).all()
        shadow = [
            hull.extent_along(hull.rotation[:, k]) - bad.extent_along(hull.rotation[:, k])
            for k in range(3)
        ]
        assert np.allclose(shadow, 0)
        snapped = dialect.fit(bad, given_up, "snap")
        assert np.isclose(snapped.volume, bad.volume)
        text = dialect.write([named("a", bad)], CAMERA, up=given_up, tilt="snap")
        back = one(dialect.read(text, CAMERA, up=given_up))
        assert np.isclose(back.volume, bad.volume, rtol=2e-3)
    assert np.allclose(dialect.fit(bad, None, "hull").size, bad.hull().size)
    # The shortest way: no upright rotation with these sizes is nearer.
    snapped = dialect.fit(bad, up, "snap").rotation
    angle = np.arccos((np.trace(snapped.T @ tilted) - 1) / 2)
    assert np.isclose(angle, np.arccos(tilted[:, 1] @ -up))
    with pytest.raises(FormatError, match="unknown 'round'"):
        dialect.fit(bad, up, "round")  # pyright: ignore[reportArgumentType]


def test_straight_down_and_straight_up():
    for up in ([0, 0, -1], [0, 0, 1]):
        box = Box3D([0, 0, 2], [0.3, 0.4, 0.5], upright(up) @ euler(yaw=0.3))
        text = dialect.write([named("a", box)], CAMERA, up=up)
        back = dialect.read(text, CAMERA, up=up)
        assert dialect.write(back.items, CAMERA, up=up) == text


@pytest.mark.parametrize(
    ("box", "match"),
    [
        (Box3D([0, 0, 101], [1, 1, 1]), "depth of the centre is 101 m"),
        (Box3D([0, 0, -2], [1, 1, 1]), "depth of the centre"),
        (Box3D([0, 0, 2], [1, 0.009, 1]), "size is 0.009 m"),
        (Box3D([0, 0, 2], [1, 1, 101]), "size is 101 m"),
        (Box3D([9, 0, 2], [1, 1, 1]), "the centre projects too far"),
    ],
)
def test_nothing_is_clipped(box, match):
    with pytest.raises(FormatError, match=f"bbox_0: {match}") as caught:
        dialect.write([named("a", box)], CAMERA)
    assert caught.value.code == "out-of-range"
    assert caught.value.limit


def test_stacks_are_encoded_as_single_boxes():
    rng = np.random.default_rng(3)
    n = 50
    up = np.array([0.1, -0.9, -0.3])
    boxes_up = Box3D(
        CAMERA.lift(rng.uniform(0, 480, (n, 2)), rng.uniform(0.5, 9, n)),
        rng.uniform(0.05, 2, (n, 3)),
        upright(up) @ euler(rng.uniform(-3, 3, n)),
    )
    many = dialect.encode(boxes_up, CAMERA, up=up)
    assert (many == [dialect.encode(b, CAMERA, up=up) for b in boxes_up]).all()
    assert dialect.decode(many, CAMERA, up=up).shape == (n,)


def test_another_image_size_does_not_matter():
    box = Box3D([0.3, 0.2, 2.0], [0.4, 0.5, 0.6])
    half: Camera = CAMERA.resize(320, 240)
    assert dialect.write([named("a", box)], CAMERA) == dialect.write([named("a", box)], half)


def test_upright_text_needs_up():
    text = dialect.write([named("a", Box3D([0, 0, 2], [1, 1, 1]))], CAMERA, up=[0, -1, 0])
    parsed = dialect.read(text, CAMERA)
    assert parsed.items == ()
    assert [f.kind for f in parsed.faults] == ["unknown"]
