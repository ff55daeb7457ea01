"""LVIS, Objects365, OpenImages and RefCOCO: what each keeps its own way, and what it flags."""

from __future__ import annotations

import json
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from n3d.errors import ConfigError, InputError, N3DError
from n3d.pipelines import lifting
from n3d.scene import Drop, Picture, shards
from n3d.sources import exif, load, lvis, openimages, refcoco, spool
from n3d.sources.files import MIB


def _split(items):
    items = list(items)
    return [p for p in items if isinstance(p, Picture)], [d for d in items if isinstance(d, Drop)]


def _coco(make, image, annotations, **members):
    image = {"id": 1, "width": 40, "height": 30, **image}
    annotations = [
        {"id": n, "image_id": 1, "category_id": 3, "bbox": [5, 5, 10, 10 + n], **a}
        for n, a in enumerate(annotations, 1)
    ]
    data = {
        "images": [image],
        "annotations": annotations,
        "categories": [{"id": 3, "name": "Aerosol_can"}],
        **members,
    }
    return make.json(data, "set.json")


def _place(make, name):
    (make.folder / name).parent.mkdir(parents=True, exist_ok=True)
    make.image(name)


# -- LVIS, Objects365 ---------------------------------------------------------------------


@pytest.mark.parametrize("place", ["train2017/000000391895.png", "000000391895.png"])
def test_lvis_finds_the_file_by_its_address(make, place):
    _place(make, place)
    address = "http://images.cocodataset.org/train2017/000000391895.png"
    path = _coco(make, {"coco_url": address, "license": 2}, [{}],
                 licenses=[{"id": 2, "name": "CC BY", "url": "u"}])  # fmt: skip
    ((picture,), drops) = _split(lvis.read_lvis(path, make.folder))
    assert not drops
    assert picture.id == "lvis:1"
    assert picture.attributes["file_name"] == place
    assert (picture.licence, picture.attributes["licence_url"]) == ("CC BY", "u")
    assert [r.label for r in picture.regions] == ["Aerosol can"]


@pytest.mark.parametrize("address", ["http://x/../../a.png", None, 5, "http://x/none.png", ""])
def test_lvis_without_its_file_is_dropped(make, address):
    _place(make, "a.png")
    pictures, drops = _split(lvis.read_lvis(_coco(make, {"coco_url": address}, []), make.folder))
    assert not pictures
    assert drops[0].reason in ("image-name", "image-missing", "path-escapes")


@pytest.mark.parametrize(
    "place", ["images/v2/patch8/o_1.png", "patch8/o_1.png", "o_1.png"]
)  # fmt: skip
def test_objects365_finds_the_file_in_its_patch_and_minds_its_flags(make, place):
    _place(make, place)
    flags = [{}, {"iscrowd": 1}, {"isfake": 1}, {"isreflected": 1}, {"bbox": [5, 5, 10, 11]}]
    path = _coco(make, {"file_name": "images/v2/patch8/o_1.png"}, flags)
    ((picture,), drops) = _split(lvis.read_objects365(path, make.folder, licence="CC-BY-4.0"))
    assert picture.attributes["file_name"] == place
    assert [(r.id, r.label) for r in picture.regions] == [("objects365:1:1", "aerosol_can")]
    assert picture.licence == "CC-BY-4.0"
    reasons = [d.reason for d in drops]
    assert reasons == ["region-crowd", "region-fake", "region-fake", "region-duplicate"]


# -- OpenImages ---------------------------------------------------------------------------

HEAD = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,"
    "IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n"
)
GOOD = "a,xclick,/m/1,1,0.25,0.75,0.2,0.8,0,-1,0,0,0\n"


def _open(make, lines, info=None, **options):
    make.image("a.png")
    path = make.text(HEAD + "".join(lines), "boxes.csv")
    classes = make.text("/m/1,Mug\n/m/2,Lamp\n", "classes.csv")
    if info is not None:
        options["image_info"] = make.text(info, "info.csv")
    return _split(openimages.read(path, make.folder, classes=classes, **options))


def test_openimages_boxes_are_parts_of_the_image(make):
    info = "ImageID,License,Author,Rotation\na,https://cc/by/2.0,Ann,0.0\n"
    (picture,), drops = _open(make, [GOOD], info)
    assert not drops
    assert picture.id == "openimages:a"
    (region,) = picture.regions
    assert (region.label, region.rectangle) == ("mug", (10, 6, 30, 24))
    assert region.attributes == {"occluded": False}
    assert (picture.licence, picture.attributes["author"]) == ("https://cc/by/2.0", "Ann")
    rgbd = load(picture).rgbd
    assert rgbd is not None
    assert (rgbd.width, rgbd.height) == (40, 30)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (GOOD.replace("0,-1,0,0,0", "0,0,1,0,0"), "region-group"),
        (GOOD.replace("0,-1,0,0,0", "0,0,0,1,0"), "region-depiction"),
        (GOOD.replace("0,-1,0,0,0", "0,0,0,0,1"), "region-inside"),
        (GOOD.replace("/m/1", "/m/9"), "category-unknown"),
        (GOOD.replace("0.25,0.75", "0.75,0.25"), "region-empty"),
        (GOOD.replace("0.25", "nan"), "region-type"),
        (GOOD.replace("0.25", ""), "region-type"),
        (GOOD.replace("0.75", "30"), "region-outside"),
        (GOOD, "region-duplicate"),
    ],
)
def test_openimages_drops_say_why(make, line, reason):
    (picture,), drops = _open(make, [GOOD, line])
    assert len(picture.regions) == 1
    assert [d.reason for d in drops] == [reason]


def test_openimages_images_in_any_order_and_missing_ones(make):
    other = GOOD.replace("a,xclick,/m/1", "b,xclick,/m/2")
    again = GOOD.replace("0.25", "0.3")
    (a,), drops = _open(make, [GOOD, other, again])
    assert len(a.regions) == 2
    assert [(d.id, d.reason) for d in drops] == [("openimages:b", "image-missing")]
    pictures, drops = _open(make, [GOOD], "ImageID,License,Rotation\na,x,90.0\n")
    assert not pictures
    assert [d.reason for d in drops] == ["image-rotated"]


def test_openimages_counts_the_upright_image(make):
    tags = Image.Exif()
    tags[exif.ORIENTATION] = 6
    _open(make, [GOOD])
    make.image("a.png", exif=tags)
    path, classes = make.folder / "boxes.csv", make.folder / "classes.csv"
    ((picture,), _) = _split(openimages.read(path, make.folder, classes=classes))
    assert picture.regions[0].rectangle == (7.5, 8, 22.5, 32)
    rgbd = load(picture).rgbd
    assert rgbd is not None
    assert (rgbd.width, rgbd.height) == (30, 40)


@pytest.mark.parametrize("text", ["ImageID,XMin\na,1\n", "\n", "[]"])
def test_other_csv_is_refused(make, text):
    classes = make.text("/m/1,Mug\n", "classes.csv")
    with pytest.raises(InputError, match="columns"):
        list(openimages.read(make.text(text, "b.csv"), make.folder, classes=classes))


def _names_its_file(error: N3DError) -> None:
    assert error.file


@settings(max_examples=60)
@given(st.lists(st.sampled_from([*GOOD, ",", "\n", '"', "\0", "é", "1e999", "-"]), max_size=30),
       st.integers(0, len(GOOD)))  # fmt: skip
def test_openimages_takes_any_text(tmp_path_factory, pieces, at):
    folder = tmp_path_factory.getbasetemp()
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(folder / "a.png")
    (folder / "c.csv").write_text("/m/1,Mug\n")
    (folder / "b.csv").write_text(HEAD + GOOD[:at] + "".join(pieces) + GOOD[at:])
    try:
        list(openimages.read(folder / "b.csv", folder, classes=folder / "c.csv"))
    except N3DError as e:
        _names_its_file(e)


def test_openimages_real_row(shared, make):
    folder = shared / "data/format_snippets"
    make.image("0001eeaf4aed83f9.jpg", 100, 80)
    boxes = folder / "openimages_oidv6-train-annotations-bbox.csv"
    classes = folder / "openimages_class-descriptions-boxable.csv"
    ((picture,), drops) = _split(openimages.read(boxes, make.folder, classes=classes))
    assert not drops
    assert picture.regions[0].label == "airplane"
    x0, y0, x1, y1 = picture.regions[0].rectangle
    assert np.allclose([x0, y0, x1, y1], [2.267, 5.683, 96.42, 64.04], atol=0.01)


def test_memory_does_not_grow_with_the_csv(make, monkeypatch):
    monkeypatch.setattr(spool, "BATCH", 20)
    _open(make, [GOOD])
    peaks = []
    for count in (2000, 8000):
        lines = (f"i{n // 5},x,/m/1,1,0.1,0.{n % 9 + 2},0.1,0.9,0,0,0,0,0\n" for n in range(count))
        path = make.text(HEAD + "".join(lines), "large.csv")
        tracemalloc.start()
        for _ in openimages.read(path, make.folder, classes=make.folder / "classes.csv"):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 0.1 * MIB


# -- RefCOCO ------------------------------------------------------------------------------

REFS = [
    {"ref_id": 1, "ann_id": 1, "image_id": 1, "split": "train",
     "sentences": [{"sent": "red can"}, {"raw": "the can on the left"}]},
    {"ref_id": 2, "ann_id": 1, "image_id": 1, "split": "val", "sentences": [{"sent": "can"}]},
    {"ref_id": 3, "ann_id": 77, "image_id": 1, "split": "train", "sentences": [{"sent": "x"}]},
]  # fmt: skip


def test_refs_are_said_of_their_regions(make):
    make.image("a.png")
    instances = _coco(make, {"file_name": "a.png"}, [{}, {}])
    refs = make.json(REFS, "refs.json")
    (picture,), drops = _split(refcoco.read(refs, make.folder, instances=instances))
    first, second = picture.regions
    assert first.expression == "red can"
    assert first.attributes["expressions"] == ["red can", "the can on the left", "can"]
    assert second.expression is None
    assert [(d.id, d.reason) for d in drops] == [("refcoco:ref:3", "region-unknown")]
    ((picture,), drops) = _split(
        refcoco.read(refs, make.folder, instances=instances, split="val")
    )  # fmt: skip
    assert picture.regions[0].expression == "can"
    assert not drops
    found = _split(refcoco.read(refs, make.folder, instances=instances, split="test"))
    assert found == ([], [])


def test_pickled_refs_are_never_read(make):
    make.image("a.png")
    instances = _coco(make, {"file_name": "a.png"}, [{}])
    path = make.folder / "refs.p"
    path.write_bytes(pickle.dumps(REFS))
    with pytest.raises(InputError, match="pickle"):
        list(refcoco.read(path, make.folder, instances=instances))
    with pytest.raises(InputError, match="no refs"):
        list(refcoco.read(make.json([], "refs.json"), make.folder, instances=instances))


# -- lifted -------------------------------------------------------------------------------


def _lift(make, source, annotations, **beside):
    make.image("a.png")
    (make.folder / "depth").mkdir(exist_ok=True)
    make.depth("depth/a.png")
    return lifting.lift(
        source, annotations, make.folder, depth=f"sensor:{make.folder / 'depth'}",
        out=make.folder / f"out-{source}", fov=60, progress=False,
        beside=lifting.Beside(**beside),
    )  # fmt: skip


def test_every_source_is_lifted_with_its_licence_and_expression(make):
    square = [[5, 5, 35, 5, 35, 25, 5, 25]]
    large = [{"bbox": [5, 5, 30, 20], "segmentation": square}]
    instances = _coco(make, {"file_name": "a.png"}, large)
    boxes = make.text(HEAD + GOOD, "boxes.csv")
    classes = make.text("/m/1,Mug\n", "classes.csv")
    refs = make.json(REFS[:1], "refs.json")
    given = {
        "coco": (instances, {}),
        "lvis": (instances, {}),
        "objects365": (instances, {}),
        "openimages": (boxes, {"classes": classes}),
        "refcoco": (refs, {"instances": instances}),
    }
    for source, (file, beside) in given.items():
        report = _lift(make, source, file, licence="CC-BY-4.0", **beside)
        assert report.kept == 1, (source, report.by_reason)
        (scene,) = shards.read(make.folder / f"out-{source}")
        assert (scene.source, scene.licence, scene.image) == (source, "CC-BY-4.0", "a.png")
        assert scene.camera is not None
        assert (scene.camera.width, scene.camera.height) == (40, 30)
        region = scene.objects[0].region
        assert region.expression == ("red can" if source == "refcoco" else None)
    assert json.loads((make.folder / "out-refcoco/manifest.json").read_text())["kept"] == 1


def test_options_of_other_sources_are_refused(make):
    with pytest.raises(ConfigError, match="--classes: is needed"):
        _lift(make, "openimages", make.text("x"))
    with pytest.raises(ConfigError, match="--split: is not for coco"):
        _lift(make, "coco", make.text("x"), split="train")
    with pytest.raises(ConfigError, match="unknown source"):
        _lift(make, "cocoa", make.text("x"))
