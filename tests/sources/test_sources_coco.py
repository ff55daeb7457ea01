"""COCO files as a stream of pictures: order, drops, files, memory. Rows 42-56 in batch."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_sources_regions import BAD, SQUARE

from n3d.errors import ConfigError, InputError, N3DError
from n3d.scene import Drop, Picture, PictureFiles, strict_json
from n3d.sources import coco, exif, load, spool


def _set(make, annotations=(), images=None, **members):
    """A data set of two pictures on disk; the path of its annotations."""
    for name in ("a.png", "b.png"):
        make.image(name)
    default = [
        {"id": 1, "file_name": "a.png", "width": 40, "height": 30, "license": 4},
        {"id": 2, "file_name": "b.png", "width": 40, "height": 30},
    ]
    return make.json(
        {
            "images": default if images is None else images,
            "categories": [{"id": 3, "name": "mug"}, {"id": 4, "name": "lamp"}],
            "licenses": [{"id": 4, "name": "Attribution", "url": "http://x"}],
            "annotations": list(annotations),
            **members,
        },
        "set.json",
    )


def _annotation(id=11, image=1, **members):
    return {"id": id, "image_id": image, "category_id": 3, "bbox": [5, 5, 10, 10], **members}


def _split(items):
    items = list(items)
    return [p for p in items if isinstance(p, Picture)], [d for d in items if isinstance(d, Drop)]


def test_pictures_hold_files_and_undecoded_regions(make):
    path = _set(make, [_annotation(segmentation=SQUARE), _annotation(12, 2, category_id=4)])
    (a, b), drops = _split(coco.read(path, make.folder))
    assert not drops
    assert (a.id, b.id) == ("coco:1", "coco:2")
    assert a.rgbd is None
    assert a.files is not None
    assert a.files.image == str(make.folder / "a.png")
    (region,) = a.regions
    assert (region.id, region.label, region.mask) == ("coco:1:11", "mug", None)
    assert region.attributes["segmentation"] == SQUARE
    assert (a.licence, a.attributes["licence_url"], b.licence) == ("Attribution", "http://x", "")
    full = load(a)
    assert full.rgbd is not None
    assert full.regions[0].mask is not None
    assert full.regions[0].mask.sum() == 100
    assert "segmentation" not in full.regions[0].attributes
    assert load(full).regions[0] is full.regions[0]


@pytest.mark.parametrize("order", ["forward", "backward", "mixed"])
def test_any_order_of_the_file(make, order):
    """Annotations may precede their images and be mixed; the pictures are the same."""
    annotations = [_annotation(n, 1 + n % 2) for n in range(10, 20)]
    whole = json.loads(_set(make, annotations).read_text())
    if order != "forward":
        whole = dict(reversed(whole.items()))
    if order == "mixed":
        whole["annotations"].sort(key=lambda a: a["id"] * 7 % 10)
    pictures, drops = _split(coco.read(make.json(whole, "set.json"), make.folder))
    assert not drops
    assert [p.id for p in pictures] == ["coco:1", "coco:2"]
    ids = [{r.id for r in p.regions} for p in pictures]
    assert ids[0] == {f"coco:1:{n}" for n in range(10, 20, 2)}
    assert ids[1] == {f"coco:2:{n}" for n in range(11, 20, 2)}


ROWS = {k: v for k, v in BAD.items() if "score" not in k}


@pytest.mark.parametrize("row", ROWS)
def test_bad_annotation_is_dropped_alone(make, row):
    change, code = ROWS[row]
    path = _set(make, [_annotation(1), _annotation(2, **change), _annotation(3)])
    path.write_text(path.read_text().replace("Infinity", "1e999"))
    (a, _), drops = _split(coco.read(path, make.folder))
    assert [r.id for r in a.regions] == ["coco:1:1", "coco:1:3"]
    assert [(d.id, d.reason) for d in drops] == [("coco:1:2", code)]
    assert drops[0].detail


@pytest.mark.parametrize(
    ("change", "identity", "code"),
    [
        ({"category_id": 77}, "coco:1:11", "category-unknown"),
        ({"iscrowd": 1}, "coco:1:11", "region-crowd"),
        ({"isfake": 1}, "coco:1:11", "region-fake"),
        ({"isreflected": 1}, "coco:1:11", "region-fake"),
        ({"image_id": 9}, "coco:9:11", "image-unknown"),
        ({"image_id": "1"}, "coco:1:11", "image-unknown"),
        ({"image_id": None}, "coco:None:11", "image-unknown"),
    ],
)
def test_other_reasons(make, change, identity, code):
    _, drops = _split(coco.read(_set(make, [_annotation(**change)]), make.folder))
    assert [(d.id, d.reason) for d in drops] == [(identity, code)]


def test_repeated_and_missing_ids(make):
    annotations = [_annotation(5), _annotation(5), {**_annotation(), "id": None}]
    (a, _), drops = _split(coco.read(_set(make, annotations), make.folder))
    assert [r.id for r in a.regions] == ["coco:1:5", "coco:1:@2"]
    assert [(d.id, d.reason) for d in drops] == [("coco:1:5", "id-duplicate")]
    image = {"id": 1, "file_name": "a.png", "width": 40, "height": 30}
    pictures, drops = _split(coco.read(_set(make, [_annotation()], [image, image]), make.folder))
    assert len(pictures) == 1
    assert [d.reason for d in drops] == ["id-duplicate"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"file_name": "none.png"}, "image-missing"),
        ({"file_name": "../a.png"}, "path-escapes"),
        ({"file_name": "/etc/passwd"}, "path-escapes"),
        ({"file_name": "C:\\a.png"}, "path-escapes"),
        ({"file_name": "..\\a.png"}, "path-escapes"),
        ({"file_name": None}, "image-name"),
        ({"file_name": "a\0.png"}, "image-name"),
        ({"width": "40"}, "image-size"),
        ({"height": 0}, "image-size"),
        ({"id": [1]}, "id-missing"),
    ],
)
def test_bad_image_is_dropped(make, change, code):
    image = {"id": 1, "file_name": "a.png", "width": 40, "height": 30, **change}
    good = {"id": 2, "file_name": "b.png", "width": 40, "height": 30}
    pictures, drops = _split(coco.read(_set(make, [_annotation(1, 2)], [image, good]), make.folder))
    assert [p.id for p in pictures] == ["coco:2"]
    assert code in [d.reason for d in drops]


@pytest.mark.parametrize("text", ["[]", "{}", '{"images": []}', "[1, 2]"])
def test_not_coco(make, text):
    with pytest.raises(InputError) as caught:
        list(coco.read(make.text(text), make.folder))
    assert caught.value.code == "regions-form"


def test_row_54_strict_json_in_batch(make):
    path = _set(make, [_annotation()])
    path.write_text(path.read_text().replace('"id": 11', '"id": 11,\n "id": 12'))
    with pytest.raises(InputError, match="line 2"):
        list(coco.read(path, make.folder))


def test_folders_must_exist(make):
    for options in ({"images": make.folder / "x"}, {"images": make.folder, "depth": "sensor:/x/y"}):
        with pytest.raises(ConfigError):
            list(coco.read(_set(make), **options))


def test_depth_and_camera_beside_each_other(make):
    path = _set(make, [_annotation()])
    sensor = make.folder / "depth"
    sensor.mkdir()
    make.depth("depth/a.png", value=2500)
    np.save(sensor / "b.npy", np.full((30, 40), 1.5))
    camera = {"fx": 50, "fy": 50, "cx": 20, "cy": 15, "width": 40, "height": 30}
    (sensor / "camera.json").write_text(json.dumps(camera))
    (sensor / "b.json").write_text(json.dumps(camera | {"fx": 60}))
    (a, b), drops = _split(coco.read(path, make.folder, depth=f"sensor:{sensor}"))
    assert not drops
    views = [load(p).rgbd for p in (a, b)]
    assert views[0] is not None
    assert views[1] is not None
    assert (views[0].camera.fx, views[1].camera.fx) == (50, 60)
    assert views[0].depth is not None
    assert views[0].depth[0, 0] == 2.5
    assert views[0].depth_source == "sensor"
    (sensor / "a.png").unlink()
    pictures, drops = _split(coco.read(path, make.folder, depth=sensor))
    assert [p.id for p in pictures] == ["coco:2"]
    assert [(d.id, d.reason) for d in drops] == [("coco:1", "depth-missing")]


def test_k_of_the_annotations_and_options(make):
    images = [
        {
            "id": 1, "file_name": "a.png", "width": 40, "height": 30,
            "K": [[50, 0, 19], [0, 50, 15], [0, 0, 1]],
        }
    ]  # fmt: skip
    path = _set(make, [_annotation()], images)
    ((a,), _) = _split(coco.read(path, make.folder, options={"up": [0, -1, 0]}))
    view = load(a).rgbd
    assert view is not None
    assert view.camera.cx == 19
    assert view.up_source == "given"
    ((a,), _) = _split(coco.read(path, make.folder, source="objects365"))
    assert a.id == "objects365:1"
    ((a,), _) = _split(coco.read(path, make.folder, options={"exec": 1}))
    with pytest.raises(N3DError, match="unknown option"):
        load(a)


def test_where_the_camera_is_looked_for(make):
    path = _set(make, [_annotation()])
    camera = {"fx": 50, "fy": 50, "cx": 20, "cy": 15, "width": 40, "height": 30}
    folder = make.folder / "cameras"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps(camera | {"fx": 70}))
    single = make.json(camera, "one.json")
    for given, fx in ((single, [50, 50]), (folder, [70, None])):
        pictures, _ = _split(coco.read(path, make.folder, camera=given))
        for picture, want in zip(pictures, fx, strict=True):
            view = load(picture).rgbd
            assert view is not None
            if want is None:
                assert view.camera.source.startswith("assumed")
            else:
                assert view.camera.fx == want
    (pictures, _) = _split(coco.read(path, make.folder, camera=single, options={"fov": 90}))
    view = load(pictures[0]).rgbd
    assert view is not None
    assert view.camera.fx == pytest.approx(20)


@pytest.mark.parametrize(("size", "turned"), [((30, 40), True), ((40, 30), False)])
def test_annotations_decide_whether_exif_turns(make, size, turned):
    """Coordinates count pixels of the picture as its file states the size."""
    tags = Image.Exif()
    tags[exif.ORIENTATION] = 6
    path = _set(make, images=[{"id": 1, "file_name": "a.png", "width": size[0], "height": size[1]}])
    make.image("a.png", exif=tags)
    ((a,), _) = _split(coco.read(path, make.folder))
    view = load(a).rgbd
    assert view is not None
    assert (view.width, view.height) == size
    assert (view.height == 40) == turned


def test_other_size_than_stated_fails_at_load(make):
    path = _set(make, images=[{"id": 1, "file_name": "a.png", "width": 41, "height": 30}])
    ((a,), _) = _split(coco.read(path, make.folder))
    with pytest.raises(InputError, match=r"40x30.*41x30"):
        load(a)


def test_load_of_a_picture_without_annotations(make):
    picture = Picture("x", files=PictureFiles(str(make.image())))
    assert load(picture).rgbd is not None


def _large(make, count: int) -> Path:
    """A file of `count` annotations of about 1.5 kB, all before their images."""
    make.image("a.png")
    path = make.folder / f"large-{count}.json"
    polygon = [[round(15 + 10 * np.cos(t), 3) for t in np.linspace(0, 6, 160)]]
    with path.open("w") as f:
        f.write('{"annotations": [')
        for n in range(count):
            record = _annotation(n, n // 3, segmentation=polygon)
            f.write(("," if n else "") + json.dumps(record))
        f.write('], "categories": [{"id": 3, "name": "mug"}], "images": [')
        for n in range(count // 3):
            image = {"id": n, "file_name": "a.png", "width": 40, "height": 30}
            f.write(("," if n else "") + json.dumps(image))
        f.write("]}")
    return path


def test_row_56_memory_does_not_grow_with_the_file(make, monkeypatch):
    """Three times the file takes no more memory, and far less than the file.

    Window and batch are made as small against these files as they are against a large one.
    """
    monkeypatch.setattr(strict_json, "CHUNK", 1 << 14)
    monkeypatch.setattr(spool, "BATCH", 20)
    list(coco.read(_large(make, 30), make.folder))  # what is loaded once does not count
    peaks = []
    for count in (150, 450):
        path = _large(make, count)
        tracemalloc.start()
        seen = sum(len(p.regions) for p in coco.read(path, make.folder) if isinstance(p, Picture))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert seen == count
    size = path.stat().st_size
    assert size > 0.5e6
    assert peaks[1] < peaks[0] + 0.1e6, f"{peaks} for a file of {size}"
    assert peaks[1] < 0.3 * size, f"{peaks} for a file of {size}"


def test_real_coco(shared):
    folder = shared / "data/tinycoco"
    pictures, drops = _split(coco.read(folder / "instances.json", folder / "images"))
    assert not drops
    assert len(pictures) == 12
    assert sum(len(p.regions) for p in pictures) == 90
    assert sum(not p.regions for p in pictures) == 2
    assert {p.licence for p in pictures} == {"Attribution License"}
    full = load(pictures[3])
    assert full.rgbd is not None
    assert full.rgbd.camera.source.startswith("assumed")
    raw = {a["id"]: a for a in json.loads((folder / "instances.json").read_text())["annotations"]}
    off = []
    for picture in pictures:
        for region in load(picture).regions:
            assert region.mask is not None
            assert region.id is not None
            off.append(abs(region.mask.sum() / raw[int(region.id.split(":")[-1])]["area"] - 1))
    assert np.median(off) < 0.003


def test_real_crowds_are_dropped(shared, make):
    """The 100-image sample has 9 crowds; without its pixels every image would be missing."""
    path = shared / "data/cocoapi_golden/instances_val2014_100.json"
    raw = json.loads(path.read_text())
    for image in raw["images"]:
        Path(make.folder / image["file_name"]).write_bytes(b"x")
    pictures, drops = _split(coco.read(path, make.folder))
    crowds = [d for d in drops if d.reason == "region-crowd"]
    assert len(pictures) == 100
    assert len(crowds) == 9
    assert len(drops) == 9
    assert sum(len(p.regions) for p in pictures) == 839 - 9
