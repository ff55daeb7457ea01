"""Boxes on images: painted where they project, near over far, labels apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from n3d.errors import InputError
from n3d.geometry import EDGES, Box3D, Camera, euler
from n3d.scene import Object3D
from n3d.view import boxes, labels, ordering, palette

GREY = 128


def thing(center, size, rotation=None, label="thing") -> Object3D:
    return Object3D("x", label, Box3D(center, size, rotation))


def painted(objects, camera, **style) -> np.ndarray:
    image = np.full((camera.height, camera.width, 3), GREY, np.uint8)
    return np.asarray(boxes.paint(image, objects, camera, boxes.BoxStyle(**style)))


def near_colour(pixels, uv, colour, reach=1) -> bool:
    x, y = int(uv[0]), int(uv[1])
    part = pixels[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1].astype(int)
    return bool((np.abs(part - colour).sum(axis=-1) < 12).any())


def test_front_corners_are_painted_in_the_colour_of_the_box(camera, objects):
    pixels = painted(objects, camera, labels=False, fill=0.0)
    for index, item in enumerate(objects):
        faces = ordering.facing(item.box)
        for k in range(8):
            edges = [e for e in EDGES if k in e]
            if any(faces[f] for e in edges for f in boxes.faces_of(e)):
                uv = camera.project(item.box.corners[k])
                assert near_colour(pixels, uv, palette.of_index(index)), (index, k)
    assert (pixels[:, -5:] == GREY).all()


def test_edges_lie_on_the_projected_segments(camera):
    box = Box3D([0.1, 0, 2.0], [0.8, 0.6, 0.7], euler(0.5, 0.2))
    pixels = painted([thing(box.center, box.size, box.rotation)], camera, labels=False, fill=0.0)
    for a, b in EDGES:
        if any(ordering.facing(box)[f] for f in boxes.faces_of((a, b))):
            for t in (0.2, 0.5, 0.8):
                # A point of a 3D edge projects onto its image: straight lines stay straight.
                uv = camera.project(box.corners[a] + t * (box.corners[b] - box.corners[a]))
                assert near_colour(pixels, uv, palette.of_index(0))
    changed = np.argwhere((pixels != GREY).any(axis=-1))
    x0, y0, x1, y1 = box.project(camera)
    assert changed[:, 1].min() >= x0 - 4
    assert changed[:, 1].max() <= x1 + 4
    assert changed[:, 0].min() >= y0 - 4
    assert changed[:, 0].max() <= y1 + 4


def test_hidden_edges_are_fainter_than_edges_in_view(camera):
    box = Box3D([0, 0.1, 2.2], [0.8, 0.6, 0.7], euler(0.5, 0.2))
    pixels = painted([thing(box.center, box.size, box.rotation)], camera, labels=False, fill=0.0)
    faces = ordering.facing(box)
    colour = np.array(palette.of_index(0))
    shown, hidden = [], []
    for a, b in EDGES:
        line = np.linspace(0.1, 0.9, 40)[:, None]
        uv = camera.project(box.corners[a] + line * (box.corners[b] - box.corners[a])).astype(int)
        near = np.abs(pixels[uv[:, 1], uv[:, 0]].astype(int) - colour).sum(axis=-1).mean()
        (shown if any(faces[f] for f in boxes.faces_of((a, b))) else hidden).append(near)
    assert len(hidden) == 3
    assert max(shown) < 40
    assert min(hidden) > 100


@pytest.mark.parametrize("turned", [False, True])
def test_a_near_box_overwrites_a_far_one_where_they_cross(camera, turned):
    far = thing([0, 0, 4.0], [2.4, 0.6, 0.2])
    near = thing([0, 0, 2.0], [0.5, 1.2, 0.2])
    pair = [near, far] if turned else [far, near]
    pixels = painted(pair, camera, labels=False)
    # The image of the near box's left front edge crosses the far box's top front edge.
    u = camera.project([-0.25, 0, 1.9])[0]
    v = camera.project([0, -0.3, 3.9])[1]
    assert near_colour(pixels, (u, v), palette.of_index(pair.index(near)), reach=0)


def test_order_puts_things_on_a_table_in_front_of_it():
    # The table's centre is nearer than the mug's, yet the mug stands in front of its top.
    table = Box3D([0, 0.6, 2.0], [1.6, 0.8, 1.2])
    mug = Box3D([0.3, 0.14, 2.4], [0.1, 0.12, 0.1])
    assert np.linalg.norm(mug.center) > np.linalg.norm(table.center)
    tilt = euler(pitch=-0.5)
    both = [Box3D(tilt @ b.center, b.size, tilt @ b.rotation) for b in (table, mug)]
    assert ordering.far_to_near(Box3D.stack(both)) == [0, 1]
    assert ordering.far_to_near(Box3D.stack(both[::-1])) == [1, 0]


@given(st.integers(0, 10_000), st.integers(0, 9))
@settings(max_examples=30)
def test_order_is_complete_and_respects_separating_depth(seed, n):
    rng = np.random.default_rng(seed)
    stack = Box3D.stack(
        Box3D(rng.normal([0, 0, 4], 1.0), rng.uniform(0.1, 0.6, 3), euler(*rng.uniform(-3, 3, 3)))
        for _ in range(n)
    )
    order = ordering.far_to_near(stack)
    assert sorted(order) == list(range(n))
    if n == 2:
        (a, b) = order
        reach = np.linalg.norm(stack.size, axis=-1) / 2
        away = np.linalg.norm(stack.center, axis=-1)
        if away[b] - reach[b] > away[a] + reach[a]:
            pytest.fail("the farther ball is painted last")


@pytest.mark.parametrize(
    "box",
    [
        Box3D([0, 0, -2], [1, 1, 1]),
        Box3D([0.5, 0.5, -0.6], [1, 1, 1]),
        Box3D([50, 0, 2], [1, 1, 1]),
        Box3D([0, 0, 0.005], [0.01, 0.01, 0.01]),
    ],
)
def test_boxes_out_of_view_draw_nothing(camera, box):
    assert (painted([thing(box.center, box.size)], camera) == GREY).all()


def test_a_box_through_the_camera_plane_draws_only_its_front(camera):
    box = Box3D([0.6, 0, 0.8], [0.4, 0.4, 2.0])
    pixels = painted([thing(box.center, box.size)], camera, labels=False, fill=0.0)
    changed = (pixels != GREY).any(axis=-1)
    assert 0.005 < changed.mean() < 0.2
    # The part in front of the camera lies to the right of its axis.
    assert np.argwhere(changed)[:, 1].min() > camera.cx
    far_corner = camera.project([0.4, -0.2, 1.8])
    assert near_colour(pixels, far_corner, palette.of_index(0))


def test_the_camera_inside_a_box_draws_its_edges(camera):
    pixels = painted([thing([0, 0, 0], [6, 4, 6])], camera, labels=False)
    assert near_colour(pixels, camera.project([1.2, -0.0, 3.0]) * [0, 0] + [160, 120], (GREY,) * 3)
    box = Box3D([0, 0, 0], [2.0, 1.6, 4.0])
    pixels = painted([thing(box.center, box.size)], camera, labels=False)
    assert near_colour(pixels, camera.project([0.95, -0.8, 2.0]), palette.of_index(0))


def crowd(n: int, seed: int = 0) -> list[Object3D]:
    rng = np.random.default_rng(seed)
    names = ("mug", "书 bookshelf", "a rather long label of a thing", "lampe à pied", "כוס")
    return [
        thing([rng.uniform(-0.5, 0.5), rng.uniform(-0.4, 0.4), 2.5], [0.2] * 3, label=names[i % 5])
        for i in range(n)
    ]


@pytest.mark.parametrize("n", range(1, 13))
def test_labels_are_apart_and_inside(n):
    camera = Camera(600.0, 600.0, 320.0, 240.0, 640, 480)
    pixels = np.full((480, 640, 3), GREY, np.uint8)
    free = (200.0, 100.0, 300.0, 200.0)
    style = boxes.BoxStyle(scale=0.7)
    places = boxes.paint_labels(pixels, crowd(n, n), camera, style, avoid=[free])
    found = [p for p in places if p is not None]
    assert len(found) == n
    for x0, y0, x1, y1 in found:
        assert 0 <= x0 < x1 <= 640
        assert 0 <= y0 < y1 <= 480
    for a, b in itertools.combinations([*found, free], 2):
        assert min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1])


def test_a_label_without_room_is_left_out_and_told():
    camera = Camera(30.0, 30.0, 10.0, 6.0, 20, 12)
    pixels = np.full((12, 20, 3), GREY, np.uint8)
    places = boxes.paint_labels(pixels, crowd(3), camera, boxes.BoxStyle(scale=4))
    assert places == [None] * 3
    assert (pixels == GREY).all()


def test_labels_stay_by_their_box_when_there_is_room(camera, objects):
    pixels = np.full((240, 320, 3), GREY, np.uint8)
    places = boxes.paint_labels(pixels, objects, camera, boxes.BoxStyle(scale=0.5))
    for item, place in zip(objects, places):
        rectangle = item.box.project(camera)
        assert place is not None
        assert labels.gap(np.array([place]), tuple(rectangle))[0] <= 4


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (4000, 30), (2600, 2000)])
def test_images_of_any_size(size):
    width, height = size
    camera = Camera(float(width), float(width), width / 2, height / 2, width, height)
    pixels = painted(crowd(3), camera)
    assert pixels.shape == (height, width, 3)


def test_the_input_is_left_as_it_is_and_the_size_is_checked(camera, objects):
    image = np.full((240, 320, 3), GREY, np.uint8)
    boxes.paint(image, objects, camera)
    assert (image == GREY).all()
    boxes.paint(Image.fromarray(image), objects, camera)
    with pytest.raises(InputError, match="camera 320x240"):
        boxes.paint(image[:100], objects, camera)
    with pytest.raises(InputError, match="uint8"):
        boxes.paint(image.astype(float), objects, camera)


def test_styles_refuse_nonsense():
    with pytest.raises(InputError, match="colour_by"):
        boxes.BoxStyle(colour_by="mood")
    with pytest.raises(InputError, match="scale"):
        boxes.BoxStyle(scale=0)


def test_captions_say_what_is_asked(objects):
    style = boxes.BoxStyle(numbers=True, ids=True, scores=True, sizes=True, distances=True)
    text = boxes.caption(1, objects[1], style)
    assert text == "1 lamp, #b, 0.70, 0.30 x 0.60 x 0.30 m, at 2.89 m"
    assert boxes.caption(1, objects[1], boxes.BoxStyle()) == "lamp"
