"""The page: what it is told, and, where there is Node, what its script makes of it."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the serve extra: fastapi")
pytest.importorskip("starlette.testclient", exc_type=RuntimeError)

from starlette.testclient import TestClient

from n3d.apps.server import page, web
from n3d.geometry import Box3D, Camera
from n3d.pipelines import sending
from n3d.pipelines.serving import Service
from n3d.scene import Answer, Check, Object3D, Prediction, Quantity, Ref, Step, Trace, Var

HERE = Path(__file__).parent
PAGE = Path(page.__file__).with_name("page.html")
K = {"fx": 300, "fy": 300, "cx": 160, "cy": 120, "width": 320, "height": 240}
STOOL = Object3D("a", "stool", Box3D([-0.3, 0.1, 2.4], [0.6, 0.5, 0.4]))
LAMP = Object3D("b", "<b>lamp</b>", Box3D([0.5, -0.2, 2.8], [0.3, 0.6, 0.3]))
BEHIND = Object3D("c", "rug", Box3D([0.0, 0.5, 0.2], [1.0, 0.1, 2.0]))
APART = Quantity(0.9, "m")


class Model:
    """Sees a stool, a lamp and a rug under the camera."""

    def __call__(self, asked, *, left):
        return [self.told(a) for a in asked]

    def told(self, a) -> Prediction:
        if a.question is None:
            return Prediction(a.text, objects=(STOOL, LAMP, BEHIND))
        if "zebra" in a.question:
            return Prediction(a.question, fault="object-absent: nothing in the picture matches")
        steps = (
            Step("distance", (Ref(0), Ref(1)), APART, "a"),
            Step("nearer", (Var("a"), Ref(2)), Ref(0)),
        )
        return Prediction(
            a.question, objects=(STOOL, LAMP, BEHIND), trace=Trace(steps), check=Check(True),
            answer=Answer("0.90 m", APART, 0.9, "m", interval=(0.8, 1.0)),
        )  # fmt: skip


@pytest.fixture(scope="module")
def client():
    service = Service(Model)
    assert service.wait(5)
    with TestClient(web.app("a<b>model", service)) as client:
        yield client


@pytest.fixture(scope="module")
def sent() -> dict:
    out, deep = io.BytesIO(), io.BytesIO()
    Image.fromarray(np.full((240, 320, 3), 120, np.uint8)).save(out, "PNG")
    Image.fromarray(np.full((240, 320), 3000, np.uint16)).save(deep, "PNG")
    files = {"image": out.getvalue(), "depth": deep.getvalue()}
    return {k: sending.packed(v, "image/png") for k, v in files.items()} | {"camera": K}


@pytest.fixture(scope="module")
def answers(client, sent) -> list[dict]:
    requests = [{"question": "How far is the stool from the lamp?"}, {}, {"question": "A zebra?"}]
    found = [client.post("/page/ask", json={**sent, **more}) for more in requests]
    assert [f.status_code for f in found] == [200, 200, 200], found[0].text
    return [f.json() for f in found]


def test_the_page_loads_nothing_and_escapes_the_model(client):
    got = client.get("/")
    assert "default-src 'none'" in got.headers["Content-Security-Policy"]
    assert "a&lt;b&gt;model" in got.text
    assert not re.search(r"(src|href)=[\"']?(https?:|//)", got.text)
    assert "innerHTML" not in got.text


def test_steps_tell_their_objects_and_faults_what_to_do(answers):
    answer, every, absent = answers
    assert [s["uses"] for s in answer["steps"]] == [[0, 1], [0, 1, 2]]
    assert answer["record"]["value"] == 0.9
    assert answer["detail"].startswith("0.8 to 1 m")
    assert answer["check"]["state"] == "good"
    assert "data-go" in answer["space"]
    assert "<b>lamp" not in answer["space"]
    assert len(every["objects"]) == 3
    assert "nothing in the picture matches" in absent["fault"]
    assert "shows what the model sees" in absent["fault"]


def test_rooms_to_try_are_whole_requests_with_questions(client):
    rooms = client.get("/page/rooms").json()
    assert len(rooms) == page.ROOMS
    assert all(r["questions"] and r["picture"].startswith("data:image/jpeg") for r in rooms)
    files = client.get("/page/rooms/1").json()
    assert client.post("/v1/detect", json=files).status_code == 200
    assert client.get("/page/rooms/99").status_code == 422


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node to run the page's script")
def test_the_script_shows_answers_boxes_steps_and_errors(client, answers, tmp_path):
    told = {"rooms": client.get("/page/rooms").json(), "answers": answers[:2]}
    (tmp_path / "told.json").write_text(json.dumps(told))
    done = subprocess.run(
        ["node", str(HERE / "page_in_node.js"), str(PAGE), str(tmp_path / "told.json")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout)
    assert out["rooms"] == page.ROOMS
    assert out["hints"] == told["rooms"][0]["questions"]
    first, every, bad = out["shown"]
    assert (first["answer"], first["check"]) == ("0.90 m", "\u2713 replayed: agrees")
    assert (first["steps"], first["objects"], first["lit"]) == (2, 3, [0, 1])
    assert first["boxes"] == ["1 <b>lamp</b>", "0 stool", "2 rug"]  # far ones first
    assert first["lengths"] == ["0.900 m"]
    assert every["answer"] == "3 objects were found."
    assert every["steps"] == 0
    assert (bad["state"], bad["bad"]) == ("image: is odd.", "bad")
    assert out["past"] == 1
    assert out["asked"][0]["question"] == out["hints"][0]
    assert set(out["asked"][1]) == {"image", "depth", "camera"}
    numbers = [float(x) for x in re.findall(r"-?[\d.]+", first["paths"][1])]
    drawn = np.unique(np.reshape(numbers, (-1, 2)), axis=0)
    expected = Camera(**K).project(STOOL.box.corners)
    assert len(drawn) == 8
    for point in expected:
        assert np.abs(drawn - point).max(axis=1).min() < 0.06
    assert len(first["paths"][2]) > 0  # a box that begins behind the camera is cut, not left out
