"""Depth experts: tiny networks of each family, through the code that loads the real ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from expert_samples import picture  # noqa: E402

from n3d.errors import ConfigError, InputError  # noqa: E402
from n3d.experts.depth import SCALE_SIGMA, load_depth  # noqa: E402
from n3d.experts.depth_anything import FARTHEST, inverse_of  # noqa: E402
from n3d.geometry import Camera  # noqa: E402
from n3d.scene import RGBD, DepthExpert  # noqa: E402

KINDS = [
    ("depth_anything", "metric"),
    ("depth_anything", "relative"),
    ("zoedepth", 1),
    ("zoedepth", 2),
    ("depth_pro", True),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_depth_has_the_size_of_the_picture(tiny, kind):
    expert = load_depth(tiny(*kind)[0], device="cpu")
    assert isinstance(expert, DepthExpert)
    found = expert.estimate(picture())
    assert found.depth.shape == (48, 64)
    assert found.depth.dtype == np.float32
    assert np.isfinite(found.depth).all()
    assert found.depth.min() >= 0 < found.depth.max()
    assert found.depth.std() > 0
    names = {"depth_anything": "depth-anything", "depth_pro": "depth-pro", "zoedepth": "zoedepth"}
    assert found.source == f"predicted:{names[kind[0]]}"
    assert found.metric == (kind[1] != "relative")
    assert found.scale_sigma == (SCALE_SIGMA if found.metric else 0)
    camera = found.camera or Camera.from_fov(60, 64, 48, source="assumed:60 degrees")
    view = RGBD(picture(), camera, found.depth, found.source, found.metric)
    assert view.provenance.depth == found.source


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_batch_is_its_pictures_one_by_one(tiny, kind):
    expert = load_depth(tiny(*kind)[0], device="cpu")
    pictures = [picture(0), picture(1, 40, 40), picture(2), picture(0)]
    together = expert.estimate_all(pictures)
    for image, found in zip(pictures, together):
        alone = expert.estimate(image)
        assert found.depth.shape == image.shape[:2]
        np.testing.assert_allclose(found.depth, alone.depth, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(together[0].depth, expert.estimate_all(pictures)[0].depth)
    assert expert.estimate_all([]) == []


def test_depth_anything_is_what_transformers_makes_of_it(tiny):
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

    folder, network = tiny("depth_anything", "metric")
    processor = DPTImageProcessorPil.from_pretrained(folder)
    with torch.no_grad():
        outputs = network(**processor(images=picture(), return_tensors="pt"))
    theirs = processor.post_process_depth_estimation(outputs, [(48, 64)])[0]["predicted_depth"]
    ours = load_depth(folder, device="cpu").estimate(picture()).depth
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5)


def test_a_relative_depth_is_the_inverse_disparity_and_never_metric(tiny):
    expert = load_depth(tiny("depth_anything", "relative")[0], device="cpu")
    camera = Camera.from_fov(60, 64, 48)
    found = expert.estimate(picture(), camera)
    assert not found.metric
    assert found.camera is camera
    assert found.depth.min() == pytest.approx(1)
    disparity = torch.tensor([[[4.0, 2.0, 0.0, -1.0]], [[0.0, -1.0, -2.0, 0.0]]])
    assert inverse_of(disparity).tolist() == [[[1, 2, FARTHEST, FARTHEST]], [[0, 0, 0, 0]]]


def test_metric_models_without_a_camera_return_the_given_one_or_none(tiny):
    for kind in (("depth_anything", "metric"), ("zoedepth", 1)):
        expert = load_depth(tiny(*kind)[0], device="cpu")
        camera = Camera.from_fov(60, 64, 48)
        first, second = expert.estimate_all([picture(), picture()], [None, camera])
        assert first.camera is None
        assert second.camera is camera
        # Rows of a batch may differ by a rounding: kernels work on them in vectors.
        np.testing.assert_allclose(first.depth, second.depth, rtol=1e-6)


def test_zoedepth_takes_its_border_off(tiny):
    expert = load_depth(tiny("zoedepth", 1)[0], device="cpu")
    values = torch.rand(1, 32, 64)
    y, x = int(math.sqrt(48 / 2) * 3), int(math.sqrt(64 / 2) * 3)
    whole = torch.nn.functional.interpolate(
        values[:, None], (48 + 2 * y, 64 + 2 * x), mode="bicubic", align_corners=False
    )[0, 0]
    cropped = expert._cropped(values, (48, 64))[0]
    torch.testing.assert_close(cropped, whole[y:-y, x:-x])


def test_depth_pro_predicts_a_camera_or_uses_the_one_it_is_given(tiny):
    folder, network = tiny("depth_pro", True)
    expert = load_depth(folder, device="cpu")
    found = expert.estimate(picture())
    assert found.camera.source == "predicted:depth-pro"
    assert (found.camera.width, found.camera.height) == (64, 48)
    pixels = torch.from_numpy(picture().copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    pixels = torch.nn.functional.interpolate(pixels, (32, 32), mode="bilinear")
    with torch.no_grad():
        outputs = network(pixel_values=pixels)
    # The steps of DepthProImageProcessor.post_process_depth_estimation.
    focal = 0.5 * 64 / torch.tan(0.5 * torch.deg2rad(outputs.field_of_view))
    assert found.camera.fx == pytest.approx(focal.item(), rel=1e-4)
    inverse = outputs.predicted_depth[:, None] * 64 / focal
    inverse = torch.nn.functional.interpolate(inverse, (48, 64), mode="bilinear")[0, 0]
    seen = inverse.numpy() > 1e-4
    np.testing.assert_allclose(found.depth[seen], 1 / inverse.numpy()[seen], rtol=1e-3)
    assert (found.depth[~seen] == 0).all()
    camera = Camera.from_fov(30, 64, 48)
    given = expert.estimate(picture(), camera)
    assert given.camera is camera
    ratio = given.depth[seen] / found.depth[seen]
    np.testing.assert_allclose(ratio, camera.fx / found.camera.fx, rtol=1e-4)


def test_depth_pro_without_any_focal_length_is_not_metric(tiny):
    expert = load_depth(tiny("depth_pro", False)[0], device="cpu")
    alone, given = expert.estimate_all([picture()] * 2, [None, Camera.from_fov(60, 64, 48)])
    assert (alone.metric, alone.camera, alone.scale_sigma) == (False, None, 0.0)
    assert given.metric


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[4]], ids=str)
def test_half_precision_comes_close(tiny, kind):
    whole = load_depth(tiny(*kind)[0], device="cpu").estimate(picture()).depth
    half = load_depth(tiny(*kind)[0], device="cpu", dtype="float16").estimate(picture()).depth
    assert half.dtype == np.float32
    assert np.median(np.abs(half - whole)[whole > 0] / whole[whole > 0]) < 0.02


def test_what_is_no_picture_or_camera_or_device_is_refused(tiny):
    folder = tiny("depth_anything", "metric")[0]
    expert = load_depth(folder, device="cpu")
    for bad in (np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(InputError, match="uint8 RGB"):
            expert.estimate(bad)
    with pytest.raises(InputError, match="its camera 10x10"):
        expert.estimate(picture(), Camera.from_fov(60, 10, 10))
    with pytest.raises(InputError, match="1 cameras for 2 images"):
        expert.estimate_all([picture()] * 2, [None])
    for option in ({"device": "abacus"}, {"device": 3.5}, {"dtype": "int8"}):
        with pytest.raises(ConfigError, match=r"device|dtype"):
            load_depth(folder, **option)
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="does not have"):
            load_depth(folder, device="cuda")
