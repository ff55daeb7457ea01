"""Any convention that can be said: its text, its rows and its files invert."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from n3d.errors import ConfigError, InputError
from n3d.geometry import Box3D, Camera, euler
from n3d.scene import Drop, Object3D, Scene, typical
from n3d.sources import candidates, conventions, convert, described, foreign, solids, turning
from n3d.sources import frames as frame_turns
from n3d.sources.conventions import METRES, Convention
from n3d.sources.grounded import Grounded

angles = st.floats(-3, 3)
sides = st.floats(0.05, 5)
full = [w for n in (3, 4, 9) for w in turning.every(n)]


@st.composite
def any_convention(draw, ways=None):
    return Convention(
        frame=draw(st.sampled_from(candidates.FRAMES)),
        level=draw(st.booleans()),
        unit=draw(st.sampled_from(list(METRES))),
        anchor=draw(st.sampled_from(conventions.ANCHORS)),
        size=draw(st.sampled_from(candidates.SIZES)),
        half=draw(st.booleans()),
        rotation=draw(st.sampled_from(ways or full)),
        rectangle=draw(
            st.builds(
                "{}:{}".format,
                st.sampled_from(conventions.RECTANGLES),
                st.sampled_from(conventions.RECTANGLE_UNITS),
            )
        ),
        layout=draw(st.sampled_from(conventions.LAYOUTS)),
    )


@given(any_convention())
def test_the_text_of_a_convention_reads_back(convention):
    assert conventions.parse(str(convention)) == convention


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("frame=rrf", "frame"),
        ("frame=rdf,unit=km", "unit"),
        ("frame=rdf,size=xyy", "size"),
        ("frame=rdf,rotation=yaw", "rotation"),
        ("frame=rdf,fram=rdf", "Did you mean frame"),
        ("frame=rdf,half=1", "half"),
        ("frame=rdf,rectangle=xyxy", "rectangle"),
    ],
)
def test_what_is_no_convention_is_said(text, said):
    with pytest.raises(ConfigError, match=said):
        conventions.parse(text)


@given(any_convention(), st.lists(st.tuples(angles, angles, angles, sides), min_size=1, max_size=3))
def test_rows_and_boxes_invert(convention, turns):
    """Whatever the convention, the solids that are written are read."""
    a, b, g, s = np.array(turns).T
    rotation = np.stack([frame_turns.rotation_from_xyz(*abc) for abc in zip(a, b, g)])
    boxes = Box3D(np.stack([a, b, g + 5], axis=1), np.stack([s, s + 1, s / 2], axis=1), rotation)
    up = [0.1, -1, 0.2]
    back = convention.boxes(*convention.rows(boxes, up), up)
    assert solids.same(back, boxes)
    assert np.allclose(back.center, boxes.center, atol=1e-9)


@given(st.sampled_from(full), angles, angles, angles)
def test_every_way_of_turning_inverts(way, a, b, g):
    turned = frame_turns.rotation_from_xyz(a, b, g)[None]
    numbers = turning.numbers(way, turned)
    assert numbers.shape == (1, turning.count(way))
    assert np.allclose(turning.rotations(way, numbers), turned, atol=1e-9)


@given(st.sampled_from(list(turning.every(1))), st.floats(-3, 3))
def test_a_yaw_inverts(way, angle):
    turned = turning.rotations(way, np.array([[angle]]))
    again = turning.rotations(way, turning.numbers(way, turned))
    assert np.allclose(again, turned, atol=1e-9)


def test_known_conventions_give_the_reference_object(shared):
    import json

    golden = json.loads((shared / "golden/reference_object.json").read_text())
    box = golden["canonical"]
    true = Box3D([box["center"]], [box["size"]], [box["R"]])
    said = {
        "frame=rdf,size=zyx,rotation=matrix": (
            golden["omni3d"]["center_cam"] + golden["omni3d"]["dimensions_whl"]
            + np.ravel(golden["omni3d"]["R_cam"]).tolist()
        ),
        "frame=rdf,size=zxy,rotation=quaternion:wxyz": golden["wilddet3d_tensor"],
        "frame=rdf,rotation=euler:xyz:zyx:+:pi": golden["qwen3vl_bbox_3d_units_of_pi"],
        "frame=rdf,rotation=yaw:-y:rad": [*golden["lmms_eval_sunrgbd"][:6], -0.5],
        "frame=rfu,rotation=yaw:+z:rad": [
            *golden["spatiallm_world_x_z_minus_y"]["position"],
            *golden["spatiallm_world_x_z_minus_y"]["scale"], -0.5,
        ],
        "frame=rfu,rotation=yaw:-z:rad": [
            *golden["sunrgbd_upright_depth"]["center"],
            *golden["sunrgbd_upright_depth"]["size_xyz"], 0.5,
        ],
        "frame=rdf,anchor=bottom,size=yzx,rotation=yaw:+y:rad": [
            *golden["kitti"]["bottom_center"], 0.9, 0.8, 1.8, 0.5,
        ],
    }  # fmt: skip
    for text, row in said.items():
        numbers = np.array([row])
        made = conventions.parse(text).boxes(numbers[:, :3], numbers[:, 3:6], numbers[:, 6:])
        assert np.allclose(made.center, true.center, atol=1e-9), text
        assert made.canonical().allclose(true.canonical(), 1e-9), text


# -- files --------------------------------------------------------------------------------


@settings(max_examples=25)
@given(any_convention([w for w in full if w.startswith(("matrix", "quaternion"))]), angles, angles)
def test_a_file_in_any_convention_converts_back(tmp_path_factory, convention, a, b):
    """plain -> a convention -> plain: the command's own words read what they wrote."""
    folder = tmp_path_factory.mktemp("c")
    camera = Camera(500, 510, 320, 240, 640, 480)
    things = [
        Object3D("a", "chair", Box3D([0.2, 0.1, 3], [0.5, 0.9, 0.6], euler(a, b))),
        Object3D("b", "table", Box3D([-0.4, 0.3, 4], [1.5, 0.7, 0.8], euler(b))),
    ]
    item = Grounded(Scene("s", "p", tuple(things), up=np.array([0.1, -1, 0.1])), camera, "a.jpg")
    text = str(convention)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        described.write(folder / "f.json", [item], convention=convention)
        convert.convert(folder / "f.json", folder / "p.json", from_=text, to="plain",
                        up=[0.1, -1, 0.1])  # fmt: skip
    (back,) = convert.FORMS["plain"].read(folder / "p.json")
    assert isinstance(back, Grounded)
    assert [o.label for o in back.scene.objects] == ["chair", "table"]
    for found, thing in zip(back.scene.objects, things):
        assert found.region is not None
        shown = np.clip(thing.box.project(camera), 0, [640, 480, 640, 480])
        assert np.allclose(found.region.rectangle, shown, atol=1e-6)
        assert solids.same(Box3D.stack([found.box]), Box3D.stack([thing.box]))


def test_what_a_convention_cannot_hold_is_said(make):
    box = Box3D([0, 0, 3.0], [1, 2, 0.5], euler(0.3, 0.4))
    item = Grounded(Scene("s", "p", (Object3D("o", "x", box),)))
    with pytest.warns(UserWarning, match="how boxes are turned"):
        described.write(make.folder / "f", [item], convention=Convention())


SOFA = {"center": [0, 0, 3], "size": [1, 1, 2], "yaw": 0.5}


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ('[{"position": [0, 0, 3], "dims": [1, 1, 2], "heading": 0.5}]', 1),
        ('{"objects": [{"box": {"center": [0, 0, 3], "size": [1, 1, 2]}, "label": "x"}]}', 0),
        ('[{"x": 0, "y": 0, "z": 3, "w": 1, "h": 1, "l": 2, "rx": 0, "ry": 0, "rz": 0}]', 3),
        ("[[0, 0, 3, 1, 1, 2, 0, 0.5, 0]]", 3),
        ('{"boxes3d": [[0, 0, 3, 1, 1, 2, 0.5]], "labels": ["x"]}', 1),
        ('[{"t": [0, 0, 3], "extent": [1, 1, 2], "R": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}]', 9),
        ("label,cx,cy,cz,sx,sy,sz,roll,pitch,yaw\nx,0,0,3,1,1,2,0,0.5,0\n", 3),
        ("a red sofa 0 0 3 1 1 2 0.5\n", 1),
        ("Car 0 0 0 1 2 3 4 1 1 2 0 0 3 0.5\n", 1),
    ],
)  # fmt: skip
def test_many_ways_to_write_a_box_are_made_out(make, text, turns):
    (row,) = foreign.read(make.text(text)).rows
    assert row.location == [0, 0, 3]
    assert row.sizes == [1, 1, 2]
    assert len(row.turns) == turns


def test_corners_in_any_order_are_a_box(make):
    box = Box3D([0.1, 0.2, 3], [1, 2, 0.5], euler(0.4, 0.2, 0.1))
    shuffled = np.random.default_rng(0).permutation(box.corners).tolist()
    convention = conventions.parse("frame=rdf")
    (item,) = described.read(make.json([{"corners": shuffled}]), convention=convention)
    assert isinstance(item, Grounded)
    assert item.scene.objects[0].box.canonical().allclose(box.canonical(), 1e-9)
    broken = [{"corners": [*shuffled[:7], [0, 0, 0]]}]
    drop, *_ = described.read(make.json(broken), convention=convention)
    assert isinstance(drop, Drop)
    assert drop.reason == "corners-order"


@pytest.mark.parametrize(
    "text", ["[]", "{}", '[{"a": 1}]', "[5]", "hello\n", "a,b\n1,2\n", "[[1, 2]]"]
)
def test_files_without_boxes_are_refused(make, text):
    with pytest.raises(InputError) as caught:
        foreign.read(make.text(text))
    assert caught.value.file
    assert caught.value.code == "foreign-boxes"


def test_records_that_differ_are_set_aside(make):
    table = foreign.read(make.json([SOFA, SOFA, {**SOFA, "size": [1, -1, 2]}, {"center": [1]},
                                    {"center": [0, 0, 1], "size": [1, 1, 1]}]))  # fmt: skip
    assert len(table.rows) == 2
    assert sorted(d.reason for d in table.drops) == ["box-size", "foreign-kind", "foreign-record"]


def test_lengths_of_known_things_tell_the_unit():
    """The figures of `typical`, as metres and as millimetres; unknown names say less."""
    labels = ["chair", "table", "Dining_Table"]
    lengths = np.array([typical.LONGEST[n] for n in ("chair", "table", "dining table")])
    assert next(iter(solids.units(labels, lengths))) == "m"
    odds = solids.units(labels, lengths * 1000)
    assert next(iter(odds)) == "mm"
    assert sorted(odds.values())[-2] < -5
    assert sorted(solids.units(["", "", ""], lengths * 500).values())[-2] > -5
