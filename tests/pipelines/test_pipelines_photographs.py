"""A photograph and nothing else, with experts that know the truth, or too little of it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "experts"))
import n3d
from chat_samples import said, send, serving
from n3d import synthetic
from n3d.apps import cli
from n3d.errors import InputError, QuestionError
from n3d.geometry import Camera
from n3d.pipelines import answering, photographs
from n3d.pipelines.grounding import DetectorGrounder, nouns
from n3d.pipelines.photographs import Chosen, Experts, Wanted
from n3d.reason import labels, understanding
from n3d.scene import DepthEstimate, Region
from n3d.synthetic import SceneConfig

ROOM = synthetic.make(7, SceneConfig(width=320, height=240))
VIEW = ROOM.rgbd
REGIONS = ROOM.picture.regions
PHOTO = replace(VIEW, depth=None, up=None, up_source="unknown")


class Depth:
    """The true depth, times a factor."""

    def __init__(self, factor: float = 1.0, metric: bool = True, camera: Camera | None = None):
        self.factor, self.metric, self.camera = factor, metric, camera
        self.told: list[Camera | None] = []

    def estimate(self, image: np.ndarray, camera: Camera | None = None) -> DepthEstimate:
        self.told.append(camera)
        depth = np.asarray(VIEW.depth) * np.float32(self.factor)
        sigma = 0.12 if self.metric else 0.0
        return DepthEstimate(depth, self.camera, self.metric, "predicted:truth", sigma)


class Detector:
    """The true regions of a phrase, without masks."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def find(self, image, phrases) -> list[Region]:
        self.asked.append(list(phrases))
        return [
            replace(r, mask=None, label=p) for p in phrases for r in REGIONS
            if labels.match(r.label, p)
        ]  # fmt: skip


class Segmenter:
    def masks(self, image, regions) -> list[Region]:
        of = {r.rectangle: r.mask for r in REGIONS}
        return [replace(r, mask=of[r.rectangle]) for r in regions]


LABEL = next(r.label for r in REGIONS if sum(s.label == r.label for s in REGIONS) == 1)


def experts(**depth) -> Experts:
    return Experts(Chosen("truth", "eyes", "scissors"), Depth(**depth), Detector(), Segmenter())


def test_a_photograph_gives_boxes_trace_answer_and_interval():
    seen = experts()
    view = seen.see(PHOTO)
    found = answering.answer(view, f"How tall is the {LABEL}?", grounder=seen.grounder())
    truth = next(o for o in ROOM.scene.objects if o.label == LABEL)
    assert found.answer is not None
    assert found.answer.number == pytest.approx(truth.box.size[1], rel=0.3)
    assert found.answer.interval is not None
    low, high = found.answer.interval
    assert high / low > 1.2  # the depth is a guess
    assert found.provenance.depth == "predicted:truth"
    assert found.check is not None
    assert found.check.agrees
    assert seen.detector.asked == [[LABEL]]


def test_relative_depth_never_gives_metres():
    view = experts(metric=False, factor=0.2).see(PHOTO)
    assert not view.metric
    grounder = experts().grounder()
    with pytest.raises(QuestionError, match=r"metric|unit"):
        answering.answer(view, f"How tall is the {LABEL}?", grounder=grounder)


def test_the_camera_is_the_one_that_is_known_best():
    assumed = replace(PHOTO.camera, source="assumed:fov-60")
    predicted = replace(PHOTO.camera, fx=300, fy=300, source="predicted:truth")
    blind = replace(PHOTO, camera=assumed)
    for view, told, source, sigma in (
        (PHOTO, None, PHOTO.camera.source, 0.12),
        (PHOTO, predicted, PHOTO.camera.source, 0.12),
        (blind, None, "assumed:fov-60", (0.2**2 + 0.12**2) ** 0.5),
        (blind, predicted, "predicted:truth", 0.12),
    ):
        depth = Depth(camera=told)
        seen = photographs.with_depth(view, depth)
        assert seen.camera.source == source
        assert seen.scale_sigma == pytest.approx(sigma)
        # A guess is not told to the expert as if it were known.
        assert (depth.told[0] is None) == view.camera.source.startswith("assumed")


def test_a_view_with_depth_is_left_alone():
    assert experts().see(VIEW) is VIEW


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("the mug left of the red lamp", ["mug", "red lamp"]),
        ("the second chair from the left", ["chair"]),
        ("the chair closest to the camera", ["chair"]),
        ("the box on the table near the sofa", ["box", "table", "sofa"]),
    ],
)
def test_the_detector_is_asked_for_nouns(phrase, expected):
    assert nouns([phrase]) == expected


def test_a_detector_finds_all_of_its_vocabulary():
    grounder = DetectorGrounder(Detector(), vocabulary=sorted({r.label for r in REGIONS}))
    found = grounder.detect(VIEW)
    assert len(found) + len(grounder.drops) == len(REGIONS)
    assert DetectorGrounder(Detector()).detect(VIEW) == []


def test_the_best_that_is_here_is_chosen(monkeypatch):
    here = {"depth-anything-indoor-small", "depth-anything-indoor-large", "owlv2", "sam"}
    monkeypatch.setattr(photographs, "is_here", here.__contains__)
    best = photographs.choose(Wanted(), has_depth=False)
    assert best == Chosen("depth-anything-indoor-large", "owlv2", "sam")
    assert str(best) == "depth by depth-anything-indoor-large, regions by owlv2, masks by sam"
    assert photographs.choose(Wanted(), has_depth=True).depth is None
    assert photographs.choose(Wanted(segmenter="none"), has_depth=True).segmenter is None
    only = photographs.choose(Wanted(), has_depth=False, needs_regions=False)
    assert only == Chosen("depth-anything-indoor-large", None, None)
    mine = photographs.choose(Wanted(depth="my/folder"), has_depth=False)
    assert mine.depth == "my/folder"


def test_what_is_missing_is_told_with_the_commands(monkeypatch):
    monkeypatch.setattr(photographs, "is_here", lambda name: False)
    with pytest.raises(InputError) as caught:
        photographs.choose(Wanted(), has_depth=False)
    assert "depth and objects" in str(caught.value)
    for name in ("depth-anything-indoor-small", "owlv2"):
        assert f"n3d models fetch {name}" in str(caught.value)
    with pytest.raises(InputError, match="find objects"):
        photographs.choose(Wanted(), has_depth=True)


# -- the command ----------------------------------------------------------------------------


@pytest.fixture
def photo(tmp_path) -> Path:
    Image.fromarray(VIEW.image).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as stop:
        cli.main([str(a) for a in args])
    return int(stop.value.code or 0)


def test_the_command_says_whom_it_asked(photo, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(photographs, "gather", lambda *a, **k: experts())
    out = tmp_path / "out"
    question = f"How tall is the {LABEL}?"
    assert run("answer", photo, question, "--fov", 60, "--explain", "--out", out) == 0
    told = capsys.readouterr().out
    assert "depth by truth, regions by eyes, masks by scissors" in told
    record = json.loads((out / "answer.json").read_text())
    assert record["interval"]
    assert record["provenance"]["depth_source"] == "predicted:truth"
    assert (out / "answer.png").stat().st_size > 1000


def test_experts_find_what_is_named_and_all_there_is(photo, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(photographs, "gather", lambda *a, **k: experts())
    out = tmp_path / "out"
    assert run("ground", photo, LABEL, "--fov", 60, "--out", out) == 0
    told = capsys.readouterr().out
    assert "depth by truth, regions by eyes, masks by scissors" in told
    record = json.loads((out / "ground.json").read_text())
    assert [o["label"] for o in record["objects"]] == [LABEL]
    assert record["provenance"]["depth_source"] == "predicted:truth"
    assert (out / "ground.png").stat().st_size > 1000
    assert run("detect", photo, "--fov", 60, "--json", "-") == 0
    every = json.loads(capsys.readouterr().out)["objects"]
    assert len(every) > 1
    assert run("detect", photo, "--fov", 60, "--most", 1, "--json", "-") == 0
    assert len(json.loads(capsys.readouterr().out)["objects"]) == 1
    region = next(r for r in REGIONS if r.label == LABEL)
    box = ",".join(f"{v:g}" for v in region.rectangle)
    assert run("ground", photo, "--box", box, "--fov", 60, "--json", "-") == 0
    (only,) = json.loads(capsys.readouterr().out)["objects"]
    np.testing.assert_allclose(only["center"], record["objects"][0]["center"], atol=1e-6)
    assert run("ground", photo, "giraffe", "--fov", 60) == 0
    assert "nothing in the picture matches" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--point", "3,4"], "--point"),
        (["lamp", "--batch", "2"], "--batch"),
        (["lamp", "--model", "m", "--detector", "d"], "--detector"),
        ([], "TEXT"),
    ],
)
def test_what_experts_cannot_do_is_said(photo, monkeypatch, capsys, argv, said):
    monkeypatch.setattr(photographs, "gather", lambda *a, **k: experts())
    assert run("ground", photo, *argv) == 2
    assert said in capsys.readouterr().err
    assert run("detect", photo.parent) == 2
    assert "n3d lift pictures" in capsys.readouterr().err


def test_a_failure_shows_what_was_seen(photo, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(photographs, "gather", lambda *a, **k: experts())
    out = tmp_path / "out"
    asked = f"Which is nearer to the {LABEL}, the giraffe or the canoe?"
    assert run("answer", photo, asked, "--out", out) == 3
    err = capsys.readouterr().err
    assert "giraffe" in err
    assert "seen.png" in err
    assert (out / "seen.png").stat().st_size > 1000


def test_without_weights_one_sentence_says_how_to_get_them(photo, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(photographs, "is_here", lambda name: False)
    assert run("answer", photo, "How tall is the lamp?") == 2
    err = capsys.readouterr().err
    assert err.count("n3d models fetch") == 2
    assert "Traceback" not in err
    assert run("ground", photo, "lamp") == 2
    err = capsys.readouterr().err
    assert "Give --depth and --model, or run" in err


@pytest.mark.parametrize(
    ("option", "other"),
    [
        ("--vlm=http://h", "--model=m"),
        ("--explain", "--model=m"),
        ("--detector=owlv2", "--boxes=b"),
    ],
)
def test_options_that_nobody_would_heed_are_refused(photo, option, other, capsys):
    assert run("answer", photo, "How tall is the lamp?", option, other) == 2
    err = capsys.readouterr().err
    assert option.partition("=")[0] in err
    assert other.partition("=")[0] in err


def test_regions_need_no_detector(photo, tmp_path, monkeypatch):
    asked = []

    def gather(view, wanted, *, needs_regions):
        asked.append(needs_regions)
        return Experts(Chosen("truth", None, None), Depth())

    monkeypatch.setattr(photographs, "gather", gather)
    regions = tmp_path / "regions.json"
    boxes = [(r.label, r.rectangle) for r in REGIONS]
    regions.write_text(json.dumps(
        [{"label": n, "bbox": [x0, y0, x1 - x0, y1 - y0]} for n, (x0, y0, x1, y1) in boxes]
    ))  # fmt: skip
    assert run("answer", photo, f"How tall is the {LABEL}?", "--regions", regions) == 0
    assert asked == [False]


def test_the_list_of_weights(monkeypatch, tmp_path, capsys):
    assert run("models", "list") == 0
    told = capsys.readouterr().out
    assert "depth-anything-indoor-small" in told
    assert "Apache-2.0" in told
    assert run("models", "list", "--json", "-") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"depth", "detect", "mask"} <= {r["task"] for r in rows}
    assert run("models", "check", "nothing-like-it") == 2
    assert "n3d models list" in capsys.readouterr().err
    assert n3d.__version__


# -- a vision-language model behind a server --------------------------------------------------


def boxes_of(label: str) -> str:
    """What a model that writes boxes from 0 to 1000 would say."""
    found = [
        {"bbox_2d": [round(v / s * 1000) for v, s in zip(r.rectangle, (320, 240, 320, 240))],
         "label": label}
        for r in REGIONS if r.label == label
    ]  # fmt: skip
    return "Here they are:\n```json\n" + json.dumps(found) + "\n```"


@pytest.fixture
def depth_file(tmp_path) -> Path:
    millimetres = np.rint(np.asarray(VIEW.depth) * 1000).astype(np.uint16)
    Image.fromarray(millimetres).save(tmp_path / "depth.png")
    return tmp_path / "depth.png"


def test_a_server_finds_the_regions(photo, depth_file, tmp_path, capsys):
    out = tmp_path / "out"
    question = f"How tall is the {LABEL}?"
    with serving(said(boxes_of(LABEL))) as server:
        given = ("--vlm", server.url, "--vlm-model", "eyes-7b", "--depth", depth_file)
        assert run("answer", photo, question, *given, "--fov", 60, "--segmenter", "none",
                   "--out", out) == 0  # fmt: skip
    assert "regions by eyes-7b" in capsys.readouterr().out
    record = json.loads((out / "answer.json").read_text())
    assert record["objects"][0]["label"] == LABEL
    assert record["check"]["agrees"]


def test_a_question_that_cannot_be_read_is_put_into_other_words(photo, depth_file, capsys):
    odd = f"{LABEL} height roughly speaking in your opinion"
    assert understanding.heard(odd) is None
    with serving(said(f"How tall is the {LABEL}?"), said(boxes_of(LABEL))) as server:
        given = ("--vlm", server.url, "--vlm-model", "eyes-7b", "--depth", depth_file)
        assert run("answer", photo, odd, *given, "--fov", 60, "--segmenter", "none") == 0
    assert f"read as: How tall is the {LABEL}?" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("act", "words"),
    [(said("I would rather not."), "absent|not"), (send("<html>", 404), "404|not found")],
)
def test_a_server_that_does_not_help_is_a_sentence(photo, depth_file, act, words, capsys):
    import re

    with serving(act) as server:
        given = ("--vlm", server.url, "--vlm-model", "m", "--depth", depth_file)
        code = run("answer", photo, f"How tall is the {LABEL}?", *given, "--fov", 60)
    err = capsys.readouterr().err
    assert code in (2, 3)
    assert re.search(words, err, re.IGNORECASE)
    assert "Traceback" not in err


def test_a_server_needs_the_name_of_a_model(photo, depth_file, capsys):
    given = ("--vlm", "http://127.0.0.1:9", "--depth", depth_file, "--fov", 60)
    assert run("answer", photo, "How tall is the lamp?", *given) == 2
    assert "--vlm-model" in capsys.readouterr().err


def test_the_examples_of_plain_questions_can_be_read():
    for _, plain in photographs.EXAMPLES:
        assert understanding.heard(plain) is not None
