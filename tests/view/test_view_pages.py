"""Pages: well-formed, complete, inert towards what labels say, alive in a browser."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from n3d import view
from n3d.errors import InputError
from n3d.geometry import Camera
from n3d.scene import RGBD, Check, Object3D, Quantity, Scene
from n3d.view import pages

EVIL = "<script>alert(1)</script>"
VOID = {"meta", "img", "input", "br", "link"}


class Reader(HTMLParser):
    """Collects elements and script texts, and checks that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.texts: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        where = self.open[-1] if self.open else ""
        self.texts[where] = self.texts.get(where, "") + data

    def data(self, text: str) -> dict:
        found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
        assert found
        return json.loads(found.group(1))


def page(tmp_path, noun, **options) -> tuple[str, Reader, dict]:
    path = view.html(noun, tmp_path / "page.html", **options)
    text = path.read_text("utf-8")
    reader = Reader(text)
    return text, reader, reader.data(text)


def test_a_page_holds_all_boxes_points_and_words(tmp_path, rgbd, prediction):
    _, reader, data = page(tmp_path, prediction, view=rgbd, most_points=3000)
    assert len(data["objects"]) == 3
    assert [o["label"] for o in data["objects"]] == ["block", "lamp", "far box"]
    corners = np.array(data["objects"][1]["corners"]).reshape(8, 3)
    assert np.allclose(corners, prediction.objects[1].box.corners, atol=1e-4)
    points = np.frombuffer(base64.b64decode(data["points"]["xyz"]), "<f4").reshape(-1, 3)
    colours = np.frombuffer(base64.b64decode(data["points"]["rgb"]), np.uint8).reshape(-1, 3)
    assert len(points) == len(colours) == 3000
    uv = rgbd.camera.project(points).astype(int)
    assert (rgbd.image[uv[:, 1], uv[:, 0]] == colours).all()
    assert data["question"] == prediction.question
    assert data["check"] == {"state": "good", "text": "replayed: agrees"}
    assert [s["text"] for s in data["steps"]][2] == "greater(a, b)"
    assert [d["text"] for d in data["lengths"]] == [data["steps"][0]["value"], "0.600 m"]
    assert prediction.question in reader.texts["title"]
    head, body = data["image"].split(",", 1)
    assert head == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(body))).size[0] > 1000


def test_a_page_asks_for_nothing_from_a_network(tmp_path, rgbd, prediction):
    text, reader, _ = page(tmp_path, prediction, view=rgbd)
    assert not re.findall(r"(?:src|href)\s*=", re.sub(r"\$\(\"picture\"\)\.src =", "", text))
    assert "http:" not in text
    assert "https:" not in text
    policy = [a["content"] for t, a in reader.tags if a.get("http-equiv")]
    assert "default-src 'none'" in policy[0]


@pytest.mark.parametrize(
    "evil", [EVIL, "</SCRIPT><img src=x onerror=alert(1)>", "{{data}}", "<!--"]
)
def test_labels_and_questions_stay_text(tmp_path, rgbd, prediction, evil):
    box = prediction.objects[0].box
    noun = replace(
        prediction,
        question=evil,
        objects=(Object3D("x", evil, box), *prediction.objects[1:]),
        notes=(evil,),
        fault=evil,
    )
    plain, _, _ = page(tmp_path, prediction, view=rgbd)
    text, reader, data = page(tmp_path, noun, view=rgbd)
    assert EVIL not in text
    assert [t for t, _ in reader.tags] == [t for t, _ in Reader(plain).tags]
    assert data["objects"][0]["label"] == evil
    assert data["question"] == evil
    assert reader.texts["title"] == evil
    script = text.rsplit("<script>", 1)[1]
    assert "innerHTML" not in script
    assert "document.write" not in script


def test_a_failed_replay_marks_its_step(tmp_path, rgbd, prediction):
    wrong = replace(prediction, check=Check(False, 1, Quantity(0.5), Quantity(0.6)))
    _, _, data = page(tmp_path, wrong, view=rgbd)
    assert data["check"]["state"] == "bad"
    assert [s["failed"] for s in data["steps"]] == [False, True, False]


def test_scenes_objects_and_views(tmp_path, rgbd, objects, camera):
    scene = Scene("s", "p", tuple(objects), up=np.array([0, -1.0, 0]))
    assert len(page(tmp_path, scene, view=rgbd)[2]["objects"]) == 3
    alone = page(tmp_path, scene)[2]
    assert alone["points"]["xyz"] == ""
    assert alone["image"] is None
    assert len(page(tmp_path, objects)[2]["objects"]) == 3
    assert page(tmp_path, rgbd)[2]["objects"] == []
    flat = RGBD(rgbd.image, camera)
    assert page(tmp_path, flat)[2]["points"]["xyz"] == ""
    assert page(tmp_path, [], view=flat)[2]["objects"] == []


def test_unknown_gravity_and_scale_are_told(tmp_path, rgbd, objects, camera):
    bare = RGBD(rgbd.image, camera, rgbd.depth, metric=False)
    data = page(tmp_path, objects, view=bare)[2]
    assert any("gravity is not known" in note for note in data["notes"])
    assert not data["space"]["grid"].endswith("m")
    assert " m," not in data["objects"][0]["about"]


def test_the_space_holds_every_box(objects, rgbd):
    points = rgbd.points.points()
    space = pages._space(points, objects, None, True)
    for item in objects:
        away = np.linalg.norm(item.box.corners - space["centre"], axis=-1)
        assert (away <= space["radius"] * np.sqrt(3)).all()


def test_other_nouns_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot make a page of int"):
        view.html(3, tmp_path / "a.html")  # pyright: ignore[reportArgumentType]


# -- in a browser -----------------------------------------------------------------------------

PROBE = """<script>
const before = { ...place };
const key = (key) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
const pixels = () => {
  paint();
  const out = new Uint8Array(4 * canvas.width * canvas.height);
  gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, out);
  return out;
};
const count = (c) => {
  const p = pixels();
  let n = 0;
  for (let i = 0; i < p.length; i += 4)
    if (c.every((v, k) => Math.abs(p[i + k] - v) < 5)) n++;
  return n;
};
const found = { webgl: Boolean(gl) };
found.colours = data.objects.map((o) => count(o.colour));
found.tags = [...document.querySelectorAll(".tag")].map((t) => t.textContent);
found.rects = tags.map((t) => t.node.getBoundingClientRect().toJSON());
key("ArrowLeft"); found.turned = place.azimuth !== before.azimuth;
key("+"); found.zoomed = place.distance < before.distance;
canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: 300, cancelable: true }));
found.wheeled = place.distance > 0.87 * before.distance;
const box = document.querySelector("#things input"); box.click();
found.hidden = count(data.objects[0].colour);
go("camera"); const seen = camera(canvas.width, canvas.height);
found.axis = project(seen.all, [0, 0, 2]);
found.side = project(seen.all, [0.5, 0, 2])[0];
found.below = project(seen.all, [0, 0.5, 2])[1];
document.body.dataset.found = JSON.stringify(found);
</script></body>"""


@pytest.mark.slow
def test_the_page_lives_in_a_browser(tmp_path, rgbd, prediction):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("needs chromium")
    text = view.html(prediction, tmp_path / "a.html", view=rgbd).read_text("utf-8")
    probe = tmp_path / "probe.html"
    probe.write_text(text.replace("</body>", PROBE), "utf-8")
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--use-gl=angle",
        "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1200,800",
        "--virtual-time-budget=3000", "--dump-dom", probe.as_uri(),
    ]  # fmt: skip
    out = subprocess.run(command, capture_output=True, timeout=120, check=False)
    state = re.search(r'data-found="([^"]*)"', out.stdout.decode("utf-8"))
    assert state, out.stderr.decode("utf-8", "replace")[-2000:]
    found = json.loads(state.group(1).replace("&quot;", '"'))
    if not found["webgl"]:
        pytest.skip("this chromium has no WebGL 2")
    assert min(found["colours"]) > 50
    assert found["hidden"] < 0.2 * found["colours"][0]
    assert found["tags"][:3] == ["0 block", "1 lamp", "2 far box"]
    assert found["turned"]
    assert found["zoomed"]
    assert found["wheeled"]
    # From the camera's place the axis is in the middle, right is right and down is down.
    assert abs(found["axis"][0]) < 1e-3
    assert abs(found["axis"][1]) < 1e-3
    assert found["side"] > 0.1
    assert found["below"] < -0.1


def test_the_view_of_a_wide_camera_has_its_frustum(tmp_path, rgbd):
    camera = Camera(300.0, 300.0, 160.0, 120.0, 320, 240)
    corners = np.array(page(tmp_path, rgbd)[2]["frustum"])
    assert np.allclose(camera.project(corners), [[0, 0], [320, 0], [320, 240], [0, 240]], atol=0.1)
