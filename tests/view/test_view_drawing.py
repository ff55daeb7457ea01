"""`draw`: every noun has a picture, every mistake a sentence."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from n3d import view
from n3d.errors import ConfigError, InputError
from n3d.geometry import Box3D, Camera, euler
from n3d.scene import (
    QA,
    RGBD,
    Answer,
    Object3D,
    Picture,
    PictureFiles,
    Prediction,
    Quantity,
    Ref,
    Region,
    Scene,
    Step,
    Trace,
)
from n3d.view import boxes, gravity, palette, plan, regions


def has(image: Image.Image | np.ndarray, colour) -> bool:
    return bool((np.asarray(image) == colour).all(axis=-1).any())


def mask(camera) -> np.ndarray:
    out = np.zeros((camera.height, camera.width), bool)
    out[100:150, 120:180] = True
    return out


@pytest.fixture
def found(camera) -> list[Region]:
    return [
        Region("cup", (120, 100, 180, 150), mask(camera), score=0.8),
        Region("书", (-20.0, -10.0, 60.0, 70.0)),
    ]


def test_an_rgbd_shows_image_depth_and_legend(rgbd):
    image = np.asarray(view.draw(rgbd))
    assert image.shape[0] > 750
    assert (image[5:50, 1010:1015] != 255).any()
    half = image[:, image.shape[1] // 2 :]
    ramp = view.depth.ramp_colours()
    assert has(half, ramp[0])
    assert has(half, ramp[-1])
    assert has(half, view.depth.INVALID)
    fixed = np.asarray(view.draw(rgbd, near=1.0, far=10.0))
    assert not has(fixed[:750, 1010:1900], ramp[0])


def test_an_rgbd_without_depth_is_its_image(rgbd, camera):
    image = view.draw(RGBD(rgbd.image, camera))
    assert image.size[0] == 1000


def test_sparse_depth_is_drawn_larger(rgbd, camera):
    sparse = np.zeros((240, 320), np.float32)
    sparse[::10, ::10] = 2.0
    sparse[0, 0] = 3.0
    image = np.asarray(view.draw(RGBD(rgbd.image, camera, sparse), size=320))
    # Only 1 % of the pixels hold depth; a reader has to see them.
    depth_part = image[:240, 328:648]
    shown = (depth_part != view.depth.INVALID).any(axis=-1).mean()
    assert 0.2 < shown < 0.9


def test_a_scene_on_its_view_and_from_above(rgbd, objects):
    scene = Scene("s", "p", tuple(objects), up=np.array([0, -1.0, 0]))
    seen = view.draw(scene, view=rgbd)
    assert seen.size == (1000, 750)
    assert all(has(seen, palette.of_index(i)) for i in range(3))
    above = view.draw(scene)
    assert above.size == (1000, 1000)
    assert all(has(above, palette.of_index(i)) for i in range(3))
    both = view.draw(scene, view=rgbd, plan=True)
    assert both.size == (1750, 750)


def test_a_prediction_stands_over_its_caption(rgbd, prediction):
    image = view.draw(prediction, view=rgbd)
    assert image.size[0] == 1000
    assert image.size[1] > 850
    assert has(np.asarray(image)[750:], palette.GOOD)
    bare = view.draw(prediction, view=rgbd, caption=False)
    assert bare.size == (1000, 750)
    beside = view.draw(prediction, view=rgbd, layout="beside")
    assert beside.size[0] > 1300
    without_lines = view.draw(prediction, view=rgbd, caption=False, measures=False)
    assert (np.asarray(without_lines) != np.asarray(bare)).any()


def test_a_tall_image_has_its_caption_beside(prediction, objects):
    camera = Camera(300.0, 300.0, 60.0, 160.0, 120, 320)
    tall = RGBD(np.full((320, 120, 3), 90, np.uint8), camera)
    image = view.draw(prediction, view=tall)
    assert image.size[0] > 375 + 400
    assert image.size[1] == pytest.approx(1000, abs=200)


def test_objects_outside_the_trace_are_drawn_thinner(rgbd, prediction):
    bare = np.asarray(view.draw(prediction, view=rgbd, caption=False, labels=False, measures=False))
    strong = np.asarray(view.draw(list(prediction.objects), view=rgbd, labels=False))
    colour = palette.of_index(2)
    count = [np.count_nonzero((x == colour).all(axis=-1)) for x in (bare, strong)]
    assert 0 < count[0] < 0.7 * count[1]


def test_predictions_without_a_view_and_questions(prediction):
    assert view.draw(prediction).size[1] > 1000
    assert view.draw(Prediction("How far?", fault="unclear")).size[0] == 1000
    trace = Trace((Step("distance", (Ref(0), Ref(1)), Quantity(1.5)),))
    qa = QA("s", "distance", "How far?", trace, Answer("1.50 m", Quantity(1.5)))
    assert view.draw(qa).size[0] == 1000


def test_pictures_and_regions(rgbd, found):
    picture = Picture("p", tuple(found), rgbd)
    image = view.draw(picture)
    assert image.size == (1000, 750)
    assert (np.asarray(view.draw(found, view=rgbd)) == np.asarray(image)).all()
    assert view.draw(Picture("p", (), rgbd)).size == (1000, 750)
    with pytest.raises(InputError, match="has not been read"):
        view.draw(Picture("p", (), files=PictureFiles("a.jpg")))


def test_masks_tint_their_pixels_only(rgbd, found, camera):
    painted = np.asarray(regions.paint(rgbd.image, found, names=False))
    changed = (painted != rgbd.image).any(axis=-1)
    assert changed[mask(camera)].all()
    colour = np.array(palette.of_index(0))
    inside = painted[125, 150].astype(float)
    assert np.allclose(inside, rgbd.image[125, 150] * 0.6 + 0.4 * colour, atol=1.5)
    rim = painted[100, 150].astype(float)
    assert np.abs(rim - colour).max() < 12
    outside = ~mask(camera)
    outside[:80, :70] = False
    assert not changed[outside].any()


def test_masks_of_objects(rgbd, objects, found):
    item = Object3D("m", "cup", objects[0].box, region=found[0])
    plain, tinted = (np.asarray(view.draw([item], view=rgbd, masks=m)) for m in (False, True))
    assert (plain != tinted).any(axis=-1).mean() > 0.02


def test_a_mask_of_another_size_is_refused(rgbd):
    wrong = Region("cup", (0, 0, 5, 5), np.ones((10, 10), bool))
    with pytest.raises(InputError, match="mask is 10x10"):
        view.draw([wrong], view=rgbd)


@pytest.mark.parametrize("noun", [3, "text", None, [1, 2], [object()], {"a": 1}])
def test_what_cannot_be_drawn_is_told_with_what_can(noun):
    with pytest.raises(InputError, match="Prediction"):
        view.draw(noun)
    assert view.notebook_png(noun) is None


def test_regions_need_an_image(found):
    with pytest.raises(InputError, match="on an image"):
        view.draw(found)


@pytest.mark.parametrize(
    "options",
    [
        {"colour": "red"},
        {"view": 3},
        {"layout": "above"},
        {"size": 0},
        {"magnify": -1.0},
        {"colour_by": "mood"},
    ],
)
def test_options_are_checked(rgbd, objects, options):
    with pytest.raises((ConfigError, InputError)) as e:
        view.draw(objects, **{"view": rgbd, **options})
    assert next(iter(options)) in str(e.value)


def test_notebook_pictures_are_png_files(rgbd, prediction):
    data = view.notebook_png(prediction)
    assert data is not None
    assert Image.open(io.BytesIO(data)).format == "PNG"


def test_the_same_noun_gives_the_same_picture(rgbd, prediction):
    once, again = (np.asarray(view.draw(prediction, view=rgbd)) for _ in range(2))
    assert (once == again).all()


@pytest.mark.parametrize("size", [(1, 1), (2000, 8), (8, 2000)])
def test_extreme_images(size, objects, prediction):
    width, height = size
    camera = Camera(float(width), float(width), width / 2, height / 2, width, height)
    rgbd = RGBD(np.zeros((height, width, 3), np.uint8), camera, np.ones((height, width)))
    for noun in (rgbd, objects, prediction):
        picture = view.draw(noun, view=rgbd, gravity=True, plan=True)
        assert max(picture.size) < 6000


def test_gravity_points_up_the_picture_when_level(camera):
    pixels = np.zeros((240, 320, 3), np.uint8)
    gravity.paint(pixels, camera, [0, -1.0, 0], scale=0.5)
    up, right = palette.of_index(2), palette.of_index(5)
    (uy, ux), (ry, rx) = (np.argwhere((pixels == c).all(axis=-1)).mean(axis=0) for c in (up, right))
    assert uy < ry - 8
    assert rx > ux + 8


def test_footprints_are_shadows_of_the_box(objects):
    frame = np.eye(3)
    for rotation in (None, euler(0.7), euler(0.3, 0.5, 0.2)):
        box = Box3D([0.4, 0.2, 2.0], [0.5, 0.7, 0.3], rotation)
        outline = plan.footprint(box, frame)
        corners = box.corners[:, [0, 2]]
        assert np.allclose(outline.min(axis=0), corners.min(axis=0))
        assert np.allclose(outline.max(axis=0), corners.max(axis=0))
        turns = np.cross(
            np.pad(np.roll(outline, -1, 0) - outline, [(0, 0), (0, 1)]),
            np.pad(np.roll(outline, -2, 0) - np.roll(outline, -1, 0), [(0, 0), (0, 1)]),
        )[:, 2]
        assert (turns >= -1e-9).all() or (turns <= 1e-9).all()


def test_the_plan_has_left_on_the_left_and_far_at_the_top(objects):
    style = boxes.BoxStyle(labels=False)
    pixels = np.asarray(plan.paint(objects, width=500, height=500, style=style))
    places = []
    for i in range(3):
        tint = palette.mix(palette.of_index(i), palette.INK, 0.35)
        places.append(np.argwhere((pixels == tint).all(axis=-1)).mean(axis=0))
    # Rows fall with distance, columns rise to the right.
    z, x = ([o.box.center[k] for o in objects] for k in (2, 0))
    assert np.argsort([-p[0] for p in places]).tolist() == np.argsort(z).tolist()
    assert np.argsort([p[1] for p in places]).tolist() == np.argsort(x).tolist()


def test_sheets(rgbd):
    images = [Image.new("RGB", (60, 40), (200, 0, 0)), rgbd.image, np.zeros((400, 20, 3), np.uint8)]
    sheet = view.sheet(images, ["one", "two " * 40, ""], columns=2, width=120)
    assert sheet.size[0] == 2 * 120 + 3 * 4
    assert has(sheet, (200, 0, 0))
    assert view.sheet(images[:1], width=100).size[0] == 108
    with pytest.raises(InputError, match="2 captions for 3 images"):
        view.sheet(images, ["a", "b"])
    with pytest.raises(InputError, match="at least one"):
        view.sheet([])
    with pytest.raises(InputError, match="columns"):
        view.sheet(images, columns=0)


def test_importing_the_room_is_light():
    code = (
        "import sys, n3d.view; "
        "print([m for m in ('PIL', 'trimesh', 'scipy', 'numba') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_room_lists_its_names():
    assert {"draw", "html", "glb", "ply", "sheet", "notebook_png"} <= set(dir(view))
    with pytest.raises(AttributeError):
        _ = view.no_such_thing
