"""Segment Anything: tiny networks through the code that loads the real ones."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from expert_samples import picture  # noqa: E402

from n3d.errors import InputError  # noqa: E402
from n3d.experts.segmenting import load_segmenter  # noqa: E402
from n3d.scene import Region  # noqa: E402

REGIONS = [
    Region("mug", (5, 5, 30, 30), score=0.9),
    Region("far outside", (100, 100, 120, 120)),
    Region("table", (-10, 20, 90, 40), expression="the table"),
]


@pytest.mark.parametrize("kind", ["sam", "sam2"])
def test_regions_get_masks_of_the_size_of_the_picture(tiny, kind):
    segmenter = load_segmenter(tiny(kind)[0], device="cpu")
    found = segmenter.masks(picture(), REGIONS)
    assert [r.rectangle for r in found] == [r.rectangle for r in REGIONS]
    assert [r.label for r in found] == [r.label for r in REGIONS]
    assert found[0].score == 0.9
    assert found[2].expression == "the table"
    assert found[1].mask is None
    for region in (found[0], found[2]):
        assert region.mask.shape == (48, 64)
        assert region.mask.dtype == bool
        assert region.mask.any()
    again = segmenter.masks(picture(), REGIONS)
    np.testing.assert_array_equal(again[0].mask, found[0].mask)
    alone = segmenter.masks(picture(), REGIONS[2:])
    assert (alone[0].mask != found[2].mask).mean() < 0.01
    assert segmenter.masks(picture(), []) == []


@pytest.mark.parametrize("kind", ["sam", "sam2"])
def test_chunks_change_nothing(tiny, kind, monkeypatch):
    segmenter = load_segmenter(tiny(kind)[0], device="cpu")
    many = [Region(str(i), (i, i, i + 20, i + 15)) for i in range(5)]
    whole = segmenter.masks(picture(), many)
    monkeypatch.setattr("n3d.experts.segmenting._CHUNK", 2)
    for a, b in zip(whole, segmenter.masks(picture(), many)):
        assert (a.mask != b.mask).mean() < 0.01


def test_sam_is_what_transformers_makes_of_it(tiny):
    from transformers import SamProcessor
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    folder, network = tiny("sam")
    processor = SamProcessor(SamImageProcessorPil.from_pretrained(folder))
    boxes = [[[5.0, 5.0, 30.0, 30.0], [20.0, 10.0, 60.0, 40.0]]]
    inputs = processor(images=picture(), input_boxes=boxes, return_tensors="pt")
    inputs["input_boxes"] = inputs["input_boxes"].float()
    sizes = inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes")
    with torch.no_grad():
        outputs = network(**inputs)
    masks = processor.image_processor.post_process_masks(outputs.pred_masks, *sizes)[0]
    best = outputs.iou_scores[0].argmax(-1)
    segmenter = load_segmenter(folder, device="cpu")
    found = segmenter.masks(picture(), [Region("x", tuple(box)) for box in boxes[0]])
    for i in range(2):
        assert (found[i].mask != masks[i, best[i]].numpy()).mean() < 0.01


def test_a_region_whose_mask_is_empty_keeps_its_rectangle(tiny, monkeypatch):
    segmenter = load_segmenter(tiny("sam")[0], device="cpu")
    monkeypatch.setattr(
        segmenter, "_enlarged", lambda masks, size: torch.full((len(masks), 1, *size), -1.0)
    )
    found = segmenter.masks(picture(), REGIONS)
    assert [(r.mask, r.rectangle) for r in found] == [(None, r.rectangle) for r in REGIONS]


def test_the_weights_of_a_sam2_for_videos_serve_for_pictures(tiny, tmp_path):
    folder = shutil.copytree(tiny("sam2")[0], tmp_path / "video")
    raw = json.loads((folder / "config.json").read_text())
    raw |= {"model_type": "sam2_video", "architectures": ["Sam2VideoModel"], "num_maskmem": 7}
    (folder / "config.json").write_text(json.dumps(raw))
    a = load_segmenter(folder, device="cpu").masks(picture(), REGIONS)
    b = load_segmenter(tiny("sam2")[0], device="cpu").masks(picture(), REGIONS)
    np.testing.assert_array_equal(a[0].mask, b[0].mask)


@pytest.mark.parametrize("kind", ["sam", "sam2"])
def test_half_precision_comes_close(tiny, kind):
    whole = load_segmenter(tiny(kind)[0], device="cpu").masks(picture(), REGIONS)
    half = load_segmenter(tiny(kind)[0], device="cpu", dtype="float16").masks(picture(), REGIONS)
    assert (whole[0].mask != half[0].mask).mean() < 0.05


def test_sam3_names_what_it_needs(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "sam3"}')
    with pytest.raises(InputError, match="torchvision") as caught:
        load_segmenter(tmp_path)
    assert caught.value.code == "weights-family"
