"""Detectors: tiny networks of each family, through the code that loads the real ones."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from expert_samples import picture  # noqa: E402

from n3d.errors import ConfigError, InputError  # noqa: E402
from n3d.experts.detecting import VOCABULARY, load_detector, suppress  # noqa: E402
from n3d.experts.owlv2 import _prompt  # noqa: E402

KINDS = [("owlv2",), ("grounding_dino",), ("grounding_dino", "mm-grounding-dino")]
PHRASES = ["the red mug", "Table.", "a lamp?"]


def told(regions):
    return [(r.label, np.round(r.rectangle, 2).tolist(), round(r.score, 4)) for r in regions]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_regions_are_named_by_the_phrases_and_lie_in_the_picture(tiny, kind):
    detector = load_detector(tiny(*kind)[0], device="cpu")
    found = detector.find(picture(), PHRASES, threshold=0.0)
    assert len(found) > 2
    assert {r.label for r in found} <= set(PHRASES)
    assert [r.score for r in found] == sorted((r.score for r in found), reverse=True)
    for region in found:
        x0, y0, x1, y1 = region.rectangle
        assert 0 <= x0 < x1 <= 64
        assert 0 <= y0 < y1 <= 48
        assert 0 < region.score <= 1
        assert region.mask is None
    above = found[1].score
    assert len(detector.find(picture(), PHRASES, threshold=above)) < len(found)
    assert detector.find(picture(), PHRASES, threshold=1.0) == []
    assert detector.find(picture(), []) == []
    assert told(detector.find(picture(), PHRASES + PHRASES, threshold=0.0)) == told(found)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_batch_is_its_pictures_one_by_one(tiny, kind):
    detector = load_detector(tiny(*kind)[0], device="cpu")
    pictures = [picture(0), picture(1, 48, 48), picture(2)]
    together = detector.find_all(pictures, PHRASES, threshold=0.02)
    for image, found in zip(pictures, together):
        alone = detector.find(image, PHRASES, threshold=0.02)
        assert [r.label for r in found] == [r.label for r in alone]
        np.testing.assert_allclose(
            [r.rectangle for r in found], [r.rectangle for r in alone], atol=0.02
        )
    assert told(detector.find_all(pictures, PHRASES, threshold=0.02)[0]) == told(together[0])


def test_owlv2_is_what_transformers_makes_of_it(tiny):
    from transformers import CLIPTokenizer
    from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil

    folder, network = tiny("owlv2")
    images = Owlv2ImageProcessorPil.from_pretrained(folder)
    tokens = CLIPTokenizer.from_pretrained(folder)(
        [_prompt(p) for p in PHRASES], padding="max_length", max_length=40, return_tensors="pt"
    )
    with torch.no_grad():
        outputs = network(**images(images=picture(), return_tensors="pt"), **tokens)
    theirs = images.post_process_object_detection(outputs, 0.0, [(48, 64)])[0]
    detector = load_detector(folder, device="cpu")
    with torch.inference_mode():
        ours = detector._run([picture()], PHRASES, 0.0)[0]
    np.testing.assert_array_equal(ours.phrases, theirs["labels"])
    np.testing.assert_allclose(ours.scores, theirs["scores"], rtol=1e-4)
    np.testing.assert_allclose(ours.rectangles, theirs["boxes"], rtol=1e-4, atol=1e-3)


def test_owlv2_scores_do_not_depend_on_chunks(tiny, monkeypatch):
    detector = load_detector(tiny("owlv2")[0], device="cpu")
    whole = told(detector.find(picture(), VOCABULARY, threshold=0.0))
    monkeypatch.setattr("n3d.experts.owlv2._CHUNK", 7)
    detector._known = None
    assert told(detector.find(picture(), VOCABULARY, threshold=0.0)) == whole


def test_owlv2_asks_for_the_noun_without_its_article():
    assert _prompt("The red mug") == "a photo of a red mug"
    assert _prompt("antenna") == "a photo of a antenna"


def test_owlv2_cuts_phrases_that_are_too_long(tiny):
    assert load_detector(tiny("owlv2")[0]).find(picture(), ["mug " * 40], threshold=0.0)


@pytest.mark.parametrize("kind", KINDS[1:], ids=str)
def test_grounding_dino_is_what_transformers_makes_of_it(tiny, kind):
    from transformers import BertTokenizer, GroundingDinoProcessor
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
        GroundingDinoImageProcessorPil,
    )

    folder, network = tiny(*kind)
    processor = GroundingDinoProcessor(
        GroundingDinoImageProcessorPil.from_pretrained(folder),
        BertTokenizer.from_pretrained(folder),
    )
    inputs = processor(images=picture(), text=[["the red mug", "table"]], return_tensors="pt")
    with torch.no_grad():
        outputs = network(**inputs)
    detector = load_detector(folder, device="cpu")
    tokens, owner = detector._text(["the red mug", "Table."])
    assert tokens["input_ids"].tolist() == inputs["input_ids"].tolist()
    words = detector.tokenizer.convert_ids_to_tokens(tokens["input_ids"][0])
    assert [w for w, o in zip(words, owner) if o == 1] == ["table"]
    assert [w for w, o in zip(words, owner) if o == 0] == ["t", "##h", "##e", "red", "mug"]
    with torch.inference_mode():
        ours = detector._run([picture()], ["the red mug", "Table."], -1.0)[0]
    scores = outputs.logits[0].sigmoid()
    expected = torch.stack([scores[:, 1:6].amax(-1), scores[:, 7]], -1).max(-1)
    np.testing.assert_array_equal(ours.phrases, expected.indices)
    np.testing.assert_allclose(ours.scores, expected.values, rtol=1e-4, atol=1e-6)
    theirs = processor.post_process_grounded_object_detection(
        outputs, threshold=-1.0, target_sizes=[(48, 64)]
    )[0]
    np.testing.assert_allclose(ours.rectangles, theirs["boxes"], rtol=1e-4, atol=1e-3)


def test_grounding_dino_takes_several_texts_for_many_phrases(tiny):
    folder = tiny("grounding_dino", "grounding-dino", 24)[0]
    detector = load_detector(folder, device="cpu")
    phrases = ["red mug", "table", "bed", "mug"] * 3
    chunks = detector._chunks([*phrases, "a red table"])
    assert len(chunks) > 1
    assert [i for chunk in chunks for i in chunk] == list(range(13))
    for chunk in chunks:
        assert detector._text([phrases[i % 12] for i in chunk])[0]["input_ids"].shape[1] <= 24
    found = detector.find(picture(), ["red mug", "table", "lamp", "kettle", "door"], threshold=0.0)
    assert found
    assert {r.label for r in found} <= {"red mug", "table", "lamp", "kettle", "door"}
    boxes = np.array([r.rectangle for r in found])
    assert len(suppress(boxes, np.zeros(len(boxes)), np.ones(len(boxes)), 0.95)) == len(boxes)
    for phrase, code in (("a" * 30, "phrase-long"), (" .? ", "phrase-empty")):
        with pytest.raises(InputError) as caught:
            detector.find(picture(), [phrase])
        assert caught.value.code == code


def test_of_duplicates_the_surest_of_each_label_stays():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 10], [20, 0, 30, 10]], float)
    labels, scores = np.array([0, 0, 1, 0]), np.array([0.5, 0.9, 0.4, 0.4])
    assert suppress(boxes, labels, scores).tolist() == [1, 2, 3]
    assert suppress(boxes, labels, scores, limit=0.95).tolist() == [1, 0, 2, 3]
    none = np.zeros((0, 4)), np.zeros(0), np.zeros(0)
    assert suppress(*none).tolist() == []


def test_suppression_equals_its_slow_twin():
    random = np.random.default_rng(0)
    corner = random.uniform(0, 20, (60, 2))
    boxes = np.concatenate([corner, corner + random.uniform(5, 20, (60, 2))], 1)
    labels, scores = random.integers(0, 3, 60), random.random(60)

    def iou(a, b):
        wide = max(0, min(a[2], b[2]) - max(a[0], b[0]))
        high = max(0, min(a[3], b[3]) - max(a[1], b[1]))
        areas = sum((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
        return wide * high / (areas - wide * high)

    stay = []
    for i in sorted(range(60), key=lambda i: -scores[i]):
        if all(labels[i] != labels[j] or iou(boxes[i], boxes[j]) <= 0.3 for j in stay):
            stay.append(i)
    assert suppress(boxes, labels, scores, limit=0.3).tolist() == stay


def test_phrases_and_thresholds_that_are_none_are_refused(tiny):
    detector = load_detector(tiny("owlv2")[0], device="cpu")
    for bad in ([""], ["mug", 3], [" "]):
        with pytest.raises(InputError, match="must be words"):
            detector.find(picture(), bad)
    for bad in (-0.1, 1.5, float("nan"), True, "high"):
        with pytest.raises(ConfigError, match="threshold"):
            detector.find(picture(), ["mug"], threshold=bad)
    assert detector.find(picture(), "mug", threshold=0.0)[0].label == "mug"


def test_the_vocabulary_is_of_different_nouns():
    assert 110 <= len(VOCABULARY) == len(set(VOCABULARY)) <= 150
    assert all(v == v.strip().lower() and v.replace(" ", "").isalpha() for v in VOCABULARY)
