"""2D regions of one image: COCO and plain lists, polygons and run lengths. Rows 42-54."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from n3d.errors import InputError
from n3d.sources import masks, regions, rle

W, H = 40, 30
SQUARE = [[5, 5, 15, 5, 15, 15, 5, 15]]


def _coco(annotations, **members):
    return {
        "images": [{"id": 7, "file_name": "dir/a.jpg", "width": W, "height": H}],
        "categories": [{"id": 3, "name": "mug"}, {"id": 4, "name": "lamp"}],
        "annotations": annotations,
        **members,
    }


def _annotation(**members):
    return {"id": 11, "image_id": 7, "category_id": 3, "bbox": [5, 5, 10, 10], **members}


def _read(path, **options):
    return regions.read(path, width=W, height=H, **options)


def test_plain_list(make):
    path = make.json(
        [
            {"label": "mug", "bbox": [5, 5, 10, 10]},
            {"label": "lamp", "bbox": [1, 2, 3, 4], "segmentation": SQUARE, "score": 0.5},
            {"label": "a, b", "segmentation": SQUARE, "expression": "the one", "id": "x"},
        ]
    )
    mug, lamp, third = _read(path)
    assert (mug.label, mug.rectangle, mug.mask, mug.score) == ("mug", (5, 5, 15, 15), None, 1)
    assert lamp.score == 0.5
    assert lamp.mask is not None
    assert lamp.mask.shape == (H, W)
    assert lamp.mask.sum() == 100
    assert third.rectangle == (5, 5, 15, 15)  # around the mask
    assert (third.expression, third.id) == ("the one", "x")
    assert _read(make.json([])) == []


def test_parsed_list_is_the_same(make):
    entries = [{"label": "mug", "bbox": [5, 5, 10, 10]}]
    seen = regions.parse(entries, width=W, height=H)
    assert seen[0].rectangle == _read(make.json(entries))[0].rectangle
    with pytest.raises(InputError, match="region 0"):
        regions.parse([{"label": "mug"}], width=W, height=H)
    with pytest.raises(InputError):
        regions.parse({"label": "mug"}, width=W, height=H)


def test_coco_of_one_image(make):
    path = make.json(_coco([_annotation(segmentation=SQUARE), _annotation(id=12, category_id=4)]))
    for name in (None, "a.jpg", "elsewhere/a.jpg", "b.jpg"):
        assert [r.label for r in _read(path, image_name=name)] == ["mug", "lamp"]


def test_coco_of_many_images_goes_by_name(make):
    images = [{"id": n, "file_name": f"{n}.jpg", "width": W, "height": H} for n in (1, 2, 3)]
    annotations = [_annotation(id=n, image_id=n, bbox=[n, n, 5, 5]) for n in (1, 2, 3)]
    path = make.json(_coco(annotations, images=images))
    assert _read(path, image_name="2.jpg")[0].rectangle == (2, 2, 7, 7)
    for name in (None, "9.jpg"):
        with pytest.raises(InputError) as caught:
            _read(path, image_name=name)
        assert caught.value.code == "image-unknown"
        assert "3 images" in str(caught.value)


def test_annotations_before_images(make):
    whole = _coco([_annotation()])
    path = make.json(dict(reversed(whole.items())))
    assert [r.label for r in _read(path)] == ["mug"]


def test_crowd_is_skipped(make):
    crowd = _annotation(iscrowd=1, segmentation={"size": [H, W], "counts": [0, H * W]})
    assert _read(make.json(_coco([crowd]))) == []


def test_other_size_is_refused(make):
    with pytest.raises(InputError, match=r"40x30.*80x60"):
        regions.read(make.json(_coco([_annotation()])), width=80, height=60)


BAD = {
    "42 negative": ({"bbox": [15, 5, -10, 10]}, "region-empty"),
    "42 zero": ({"bbox": [5, 5, 0, 10]}, "region-empty"),
    "43 outside": ({"bbox": [100, 5, 10, 10]}, "region-outside"),
    "43 above": ({"bbox": [5, -20, 10, 10]}, "region-outside"),
    "44 infinite": ({"bbox": [5, 5, 1e999, 10]}, "region-not-finite"),
    "44 polygon": ({"segmentation": [[5, 5, 15, 5, 1e999, 15]]}, "polygon-not-finite"),
    "46 too long": ({"segmentation": {"size": [H, W], "counts": [5, H * W]}}, "rle-counts"),
    "46 too short": ({"segmentation": {"size": [H, W], "counts": [5]}}, "rle-counts"),
    "46 huge": ({"segmentation": {"size": [H, W], "counts": [0, 2**40]}}, "rle-counts"),
    "46 negative": ({"segmentation": {"size": [H, W], "counts": [-5, 1205]}}, "rle-counts"),
    "46 text": ({"segmentation": {"size": [H, W], "counts": "~~~"}}, "rle-counts"),
    "46 cut": ({"segmentation": {"size": [H, W], "counts": "o"}}, "rle-counts"),
    "46 accents": ({"segmentation": {"size": [H, W], "counts": "é"}}, "rle-counts"),
    "46 floats": ({"segmentation": {"size": [H, W], "counts": [0.0, 1200.0]}}, "rle-counts"),
    "46 missing": ({"segmentation": {"size": [H, W]}}, "rle-counts"),
    "47": ({"segmentation": {"size": [W, H], "counts": [0, H * W]}}, "rle-size"),
    "47 none": ({"segmentation": {"counts": [0, H * W]}}, "rle-size"),
    "49 run lengths": ({"segmentation": {"size": [H, W], "counts": [H * W]}}, "mask-empty"),
    "49 polygon": ({"segmentation": [[5.1, 5.1, 5.2, 5.1, 5.2, 5.2]]}, "mask-empty"),
    "49 polygon outside": ({"segmentation": [[50, 5, 60, 5, 60, 9]]}, "mask-empty"),
    "polygon of two points": ({"segmentation": [[5, 5, 15, 15]]}, "polygon-type"),
    "polygon odd": ({"segmentation": [[5, 5, 15, 5, 15, 15, 5]]}, "polygon-type"),
    "polygon text": ({"segmentation": [["5", 5, 15, 5, 15, 15]]}, "polygon-type"),
    "polygon flat": ({"segmentation": [5, 5, 15, 5, 15, 15]}, "polygon-type"),
    "polygon far": ({"segmentation": [[5, 5, 1e9, 5, 15, 15]]}, "polygon-outside"),
    "segmentation text": ({"segmentation": "mask.png"}, "polygon-type"),
    "bbox text": ({"bbox": ["5", 5, 10, 10]}, "region-type"),
    "bbox three": ({"bbox": [5, 5, 10]}, "region-type"),
    "bbox null": ({"bbox": None}, "region-type"),
    "bbox bool": ({"bbox": [True, 5, 10, 10]}, "region-type"),
    "score": ({"score": 7}, "region-score"),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD)
@pytest.mark.parametrize("form", ["plain", "coco"])
def test_one_bad_region(make, row, form):
    """A single call names the file and the entry; the lenient mode sets only that one aside."""
    change, code = BAD[row]
    if form == "plain":
        good = {"label": "mug", "bbox": [5, 5, 10, 10]}
        value, name = [good, {**good, **change}], "region 1"
    else:
        value, name = _coco([_annotation(), _annotation(id=99) | change]), "annotation 99"
    path = make.text(json.dumps(value).replace("Infinity", "1e999"))
    with pytest.raises(InputError) as caught:
        _read(path)
    assert caught.value.code == code
    assert caught.value.file == str(path)
    assert name in str(caught.value)
    found, drops = _read(path, strict=False)
    assert len(found) == 1
    assert [d.reason for d in drops] == [code]
    assert name in drops[0].detail


def test_row_43_partly_outside_is_clipped(make):
    assert _read(make.json([{"label": "a", "bbox": [-5, 20, 10, 50]}]))[0].rectangle == (
        0,
        20,
        5,
        30,
    )


def test_row_44_nan_in_memory():
    with pytest.raises(InputError) as caught:
        regions.parse([{"label": "a", "bbox": [5, math.nan, 5, 5]}], width=W, height=H)
    assert caught.value.code == "region-not-finite"
    with pytest.raises(InputError) as caught:
        masks.decode([[5, 5, math.nan, 5, 9, 9]], W, H)
    assert caught.value.code == "polygon-not-finite"


@pytest.mark.parametrize("category", [77, None, "3", [3], {}])
def test_row_51_unknown_category(make, category):
    path = make.json(_coco([_annotation(category_id=category)]))
    with pytest.raises(InputError) as caught:
        _read(path)
    assert caught.value.code == "category-unknown"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[{"label": "a",\n "label": "b", "bbox": [1, 1, 2, 2]}]', "line 2"),
        ('[{"label": "a",\n "bbox": [1, 1, NaN, 2]}]', "line 2"),
        ('[{"label": "a",\n "bbox": [1, 1, -Infinity, 2]}]', "line 2"),
        ('[{"label": "a",\n "bbox": [1, 1, 2, 2]}', "line 2"),
        ('{"images": [],\n\n "images": []}', "line 3"),
    ],
)
def test_row_54_strict_json(make, text, line):
    with pytest.raises(InputError) as caught:
        _read(make.text(text))
    assert line in str(caught.value)
    assert caught.value.code.startswith("json")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "file-empty"),
        ("{}", "regions-form"),
        ('{"boxes": []}', "regions-form"),
        ('[{"label": "", "bbox": [1, 1, 2, 2]}]', "region-label"),
        ('[{"label": 5, "bbox": [1, 1, 2, 2]}]', "region-label"),
        ('[{"bbox": [1, 1, 2, 2]}]', "region-label"),
        ('[{"label": "a"}]', "region-type"),
        ('[{"label": "a", "bbox": [1, 1, 2, 2], "lable": 1}]', "region-key"),
        ("[5]", "region-type"),
        ("5", "json-syntax"),
    ],
)
def test_other_forms_are_refused(make, text, code):
    with pytest.raises(InputError) as caught:
        _read(make.text(text))
    assert caught.value.code == code


def test_missing_file(make):
    with pytest.raises(InputError, match="does not exist"):
        _read(make.folder / "none.json")
    with pytest.raises(InputError, match="directory"):
        _read(make.folder)


# -- masks --------------------------------------------------------------------------------


@given(hnp.arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 20))))
def test_run_lengths_round_trip_and_agree_with_pycocotools(mask):
    from pycocotools import mask as coco_mask

    height, width = mask.shape
    packed = rle.encode(mask)
    counts = rle.counts(packed, width, height)
    assert (rle.decode(counts, width, height) == mask).all()
    assert rle.area(counts) == mask.sum()
    official = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert packed["counts"] == official["counts"].decode()
    plain = {"size": [height, width], "counts": counts.tolist()}
    assert (rle.counts(plain, width, height) == counts).all()


@given(st.text(st.characters(min_codepoint=33, max_codepoint=120), max_size=40))
def test_any_text_is_decoded_or_refused(text):
    """No text of counts gives a mask whose pixels were not written."""
    try:
        counts = rle.counts({"size": [8, 8], "counts": text}, 8, 8)
    except InputError:
        return
    assert counts.sum() == 64
    assert rle.decode(counts, 8, 8).shape == (8, 8)


@given(st.lists(st.integers(0, 10**9), max_size=30))
def test_packing_is_inverted(counts):
    assert rle.unpack(rle.pack(np.array(counts, dtype=np.int64))).tolist() == counts


def test_golden_bad_run_lengths(shared):
    cases = json.loads((shared / "golden/rle_bad.json").read_text())["cases"]
    assert len(cases) == 3
    for case in cases:
        with pytest.raises(InputError) as caught:
            masks.decode(case["rle"], 10, 10)
        assert caught.value.code == "rle-counts"


def test_golden_run_lengths(shared):
    """All compressed masks of the official sample decode as pycocotools decodes them."""
    from pycocotools import mask as coco_mask

    path = shared / "data/cocoapi_golden/instances_val2014_fakesegm100_results.json"
    results = json.loads(path.read_text())
    assert len(results) == 734
    for result in results[::4]:
        segmentation = result["segmentation"]
        height, width = segmentation["size"]
        packed = {**segmentation, "counts": segmentation["counts"].encode()}
        mask = masks.decode(segmentation, width, height)
        assert mask.sum() == coco_mask.area(packed)
        official = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert official["counts"] == packed["counts"]


def test_real_coco_file(shared):
    """The areas of polygons agree with COCO's own within 0.3 % in the median (no equality)."""
    path = shared / "data/tinycoco/instances.json"
    raw = json.loads(path.read_text())
    image = raw["images"][0]
    found = regions.read(
        path, width=image["width"], height=image["height"], image_name=image["file_name"]
    )
    own = [a for a in raw["annotations"] if a["image_id"] == image["id"]]
    assert len(found) == len(own) == 19
    off = [
        abs(r.mask.sum() / a["area"] - 1)
        for r, a in zip(found, own, strict=True)
        if r.mask is not None
    ]
    assert np.median(off) < 0.01
