"""The pages in a real browser: what a person does, and what is on the disk then."""

from __future__ import annotations

import contextlib
import json
import threading

import browsed
import pytest

pytest.importorskip("fastapi", reason="needs the serve extra: fastapi")
pytest.importorskip("uvicorn", reason="needs the serve extra: uvicorn")

import uvicorn

import chromium
from n3d.apps.server import browser, web
from n3d.geometry import Box3D
from n3d.pipelines import reviewing
from n3d.pipelines.serving import Service
from n3d.scene import Answer, Check, Object3D, Prediction, Quantity, Ref, Step, Trace, reviews
from n3d.scene.reviews import Reviews

if chromium.program() is None:
    pytest.skip("needs chromium", allow_module_level=True)

STOOL = Object3D("a", "stool", Box3D([-0.3, 0.1, 2.4], [0.6, 0.5, 0.4]))
LAMP = Object3D("b", "lamp", Box3D([0.5, -0.2, 2.8], [0.3, 0.6, 0.3]))
DRAWN = """(() => {
  const c = document.querySelector("#space"), gl = c.getContext("webgl2");
  if (!gl) return "none";
  paint();
  const data = new Uint8Array(4 * c.width * c.height);
  gl.readPixels(0, 0, c.width, c.height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  let n = 0;
  for (let i = 3; i < data.length; i += 4) n += data[i] > 0;
  return n / (c.width * c.height);
})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with chromium.Chromium(tmp_path_factory.mktemp("chromium")) as page:
        page.window(1280, 900)
        yield page
        assert page.errors == []


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return browsed.write(tmp_path_factory.mktemp("browsed"))


@contextlib.contextmanager
def served(application):
    """The address of an application on a port of its own."""
    listening = web.listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(20)


@pytest.fixture
def browsing_at(paths):
    (paths["scenes"] / reviews.FILE).unlink(missing_ok=True)
    table = reviewing.table(paths["scenes"], paths["images"], f"sensor:{paths['depth']}")
    with table.alone(), served(browser.app(table)) as address:
        yield address


def labels(page) -> list[str]:
    return page.run("[...document.querySelectorAll('.card .what')].map((n) => n.textContent)")


def verdicts(folder) -> dict:
    return {(r.scene, r.object): r for r in Reviews.read(folder)}


def test_an_object_is_rejected_in_the_browser(page, paths, browsing_at):
    page.open(browsing_at + "#at=0.1")
    page.click("#things li:nth-child(2) [data-verdict=reject]")
    page.wait("document.querySelector('#things li:nth-child(2)').classList.contains('gone')")
    assert verdicts(paths["scenes"])["p1", "2"].verdict == "reject"
    assert page.run("document.querySelector('#said').textContent") == "Reviewed: 1 rejected."


@pytest.mark.slow
def test_filters_leave_what_is_asked_for(page, browsing_at):
    page.open(browsing_at)
    page.wait("document.querySelectorAll('.card').length === 4")
    page.wait("[...document.images].every((i) => i.complete && i.naturalWidth)")
    assert labels(page) == ["stool, <b>lamp</b>", *["stool, lamp"] * 3]
    assert page.run("document.querySelectorAll('.card svg path').length") == 8
    page.type("[name=label]", "lamp", "change")
    page.wait("document.querySelectorAll('.card').length === 3")
    page.type("[name=label]", "stool", "change")
    page.type("[name=low]", "0.75", "change")
    page.wait("document.querySelectorAll('.card').length === 1")
    page.click("#dropped")
    page.wait("document.querySelector('.drop')")
    assert "depth-empty" in page.run("document.querySelector('.drop').innerText")
    page.run("history.back()")
    page.wait("document.querySelectorAll('.card').length === 1")


@pytest.mark.slow
def test_a_box_is_edited_and_turned_in_the_browser(page, paths, browsing_at):
    page.open(browsing_at + "#at=1.0")
    page.click("#things li:nth-child(1) [data-verdict=edit]")
    before = page.run("document.querySelector('#boxes path').getAttribute('d')")
    for selector, text in (("[name=center2]", "1.5"), ("form.edit [name=yaw]", "45"),
                           ("form.edit [name=label]", "footstool")):  # fmt: skip
        page.type(selector, text)
    drawn = "[...document.querySelectorAll('#boxes g')].find((g) => g.dataset.index === '0')"
    shape = f"{drawn}.querySelector('path').getAttribute('d')"
    preview = page.run(shape)
    assert preview != before
    page.type("[name=size0]", "-1")
    page.click("form.edit [type=submit]")
    page.wait("document.querySelector('#state').textContent.includes('must be positive')")
    assert verdicts(paths["scenes"]) == {}
    page.type("[name=size0]", "0.500")
    page.click("form.edit [type=submit]")
    page.wait("document.querySelector('#things li').innerText.includes('edited')")
    said = verdicts(paths["scenes"])["p2", "1"]
    assert said.edited == ("label", "center", "yaw")
    assert said.center.tolist() == pytest.approx([-0.4, 0.2, 1.5])
    assert said.yaw == pytest.approx(0.785398, abs=1e-5)
    assert page.run(shape) == preview  # what was shown before is what the server made of it


@pytest.mark.slow
def test_keys_review_and_a_picture_is_rejected(page, paths, browsing_at):
    page.open(browsing_at + "#at=0.0")
    page.wait("document.querySelectorAll('#things li').length === 2")
    press = "dispatchEvent(new KeyboardEvent('keydown', { key: '%s', bubbles: true }))"
    for key in "ja":
        page.run("document.body." + press % key)
    page.wait("document.querySelector('#said').textContent === 'Reviewed: 1 accepted.'")
    page.run("document.body." + press % "n")
    page.wait("document.querySelector('#title').textContent === 'p1'")
    page.click("#whole")
    page.wait("document.querySelector('#said').textContent.includes('1 picture rejected')")
    found = verdicts(paths["scenes"])
    assert (found["p0", "1"].verdict, found["p1", None].verdict) == ("accept", "reject")


@pytest.mark.slow
def test_the_space_is_drawn_and_follows_an_edit(page, browsing_at):
    page.open(browsing_at + "#at=0.0")
    page.wait("document.querySelector('#space').srcdoc && document.querySelector('#things li')")
    told = page.run(
        "fetch('/data/space/0.0').then((r) => r.json()).then((r) => r.page)"
    )  # its frame is another origin's, so the page is looked at alone
    frame = page.run("document.querySelector('#space').srcdoc")
    assert told == frame
    page.run(f"document.open(), document.write({json.dumps(frame)}), document.close()")
    share = page.wait(f"typeof paint === 'function' && {DRAWN}")
    if share == "none":
        pytest.skip("this chromium has no WebGL 2")
    assert 0.02 < share < 1
    page.run("place_boxes(data.objects.map((o) => ({ ...o, label: 'moved', shown: true })))")
    assert page.run("[...document.querySelectorAll('.tag')].map((n) => n.textContent)") == [
        "0 moved", "1 moved",
    ]  # fmt: skip


# -- the page of a model -----------------------------------------------------------------------


class Model:
    """Sees a stool and a lamp."""

    def __call__(self, asked, *, left):
        far = Quantity(0.9, "m")
        trace = Trace((Step("distance", (Ref(0), Ref(1)), far),))
        return [
            Prediction(
                a.question or "", objects=(STOOL, LAMP), trace=trace, check=Check(True),
                answer=Answer("0.90 m", far, 0.9, "m"),
            )
            for a in asked
        ]  # fmt: skip


@pytest.fixture
def serving_at():
    service = Service(Model)
    assert service.wait(5)
    with served(web.app("stub", service)) as address:
        yield address
    service.close(5)


@pytest.mark.slow
def test_a_picture_is_sent_and_asked(page, paths, serving_at, tmp_path):
    page.open(serving_at)
    page.wait("document.querySelector('#rooms img')")
    page.upload("[data-name=image]", paths["images"] / "p0.png")
    page.wait("document.querySelector('#photo').naturalWidth === 160")
    page.upload("[data-name=depth]", paths["depth"] / "p0.png")
    page.wait("document.querySelectorAll('.file.has').length === 2")
    page.type("#text", "How far is the stool from the lamp?")
    page.click("#ask")
    page.wait("!document.querySelector('#result').hidden")
    assert page.run("document.querySelector('#answer').textContent") == "0.90 m"
    assert page.run("document.querySelectorAll('#boxes g').length") == 2
    box = page.run("(() => { const b = document.querySelector('#boxes path').getBBox(); "
                   "return [b.width, b.height]; })()")  # fmt: skip
    assert min(box) > 5
    frame = page.run("document.querySelector('#space').srcdoc")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    page.upload("[data-name=image]", bad)
    page.wait("document.querySelectorAll('.file.has').length === 1")
    page.click("#all")
    page.wait("document.querySelector('#state').classList.contains('bad')")
    said = page.run("document.querySelector('#state').textContent")
    assert "image" in said
    assert said.endswith(".")
    page.run(f"document.open(), document.write({json.dumps(frame)}), document.close()")
    share = page.wait(f"typeof paint === 'function' && {DRAWN}")
    assert share == "none" or 0.02 < share < 1
