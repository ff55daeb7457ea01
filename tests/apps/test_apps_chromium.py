"""The pages in a real browser: what a person does, and what is on the disk then."""

from __future__ import annotations

import contextlib
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
EDIT = "#things li:nth-child(1) [data-verdict=edit]"
DRAWN = """(() => {
  const c = document.querySelector("#space");
  if (!gl) return "none";
  if (!counts.lines || !c.clientWidth) return null;
  paint();
  const data = new Uint8Array(4 * c.width * c.height);
  gl.readPixels(0, 0, c.width, c.height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  let n = 0;
  for (let i = 3; i < data.length; i += 4) n += data[i] > 0;
  return n / (c.width * c.height);
})()"""


def check_drawn(page) -> None:
    """That the frame in 3D has something on it, where this Chromium has WebGL 2."""
    share = page.wait(DRAWN, "#space")
    assert share == "none" or 0.02 < share < 1


def narrow(page) -> None:
    """That nothing of the page is wider than a phone."""
    page.window(390, 844, dark=True)
    wide = page.run("document.documentElement.scrollWidth")
    page.window(1280, 900)
    assert wide <= 390


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
    page.wait(
        "[...document.querySelectorAll('.card img')].every((i) => i.complete && i.naturalWidth)"
    )
    narrow(page)
    assert labels(page) == ["stool, <b>lamp</b>", *["stool, lamp"] * 3]
    assert page.run("document.querySelectorAll('.card svg path:not(.halo)').length") == 8
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


def fill(page) -> None:
    """Type another place, yaw and name."""
    for selector, text in (("center2", "1.5"), ("yaw", "45"), ("label", "footstool")):
        page.type(f"form.edit [name={selector}]", text)


@pytest.mark.slow
def test_a_box_is_edited_and_turned_in_the_browser(page, paths, browsing_at):
    page.open(browsing_at + "#at=1.0")
    page.click(EDIT)
    before = page.run("document.querySelector('#boxes path:not(.halo)').getAttribute('d')")
    fill(page)
    drawn = "[...document.querySelectorAll('#boxes g')].find((g) => g.dataset.index === '0')"
    shape = f"{drawn}.querySelector('path:not(.halo)').getAttribute('d')"
    preview = page.run(shape)
    assert preview != before
    page.type("[name=size0]", "-1")
    page.click("form.edit [type=submit]")
    page.wait("document.querySelector('#state').textContent.includes('must be positive')")
    assert verdicts(paths["scenes"]) == {}
    page.press("Escape")
    assert page.run("document.querySelector('#state').textContent") == ""
    assert page.run("document.querySelector('form.edit')") is None
    page.click(EDIT)
    fill(page)
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
    narrow(page)
    for key in "ja":
        page.press(key)
    page.wait("document.querySelector('#said').textContent === 'Reviewed: 1 accepted.'")
    page.press("n")
    page.wait("document.querySelector('#title').textContent === 'p1'")
    page.click("#whole")
    page.wait("document.querySelector('#said').textContent.includes('1 picture rejected')")
    found = verdicts(paths["scenes"])
    assert (found["p0", "1"].verdict, found["p1", None].verdict) == ("accept", "reject")
    page.press("Escape")
    page.wait("document.querySelectorAll('.card').length === 4")
    assert "picture rejected" in page.run("document.querySelectorAll('.card')[1].innerText")


@pytest.mark.slow
def test_the_space_is_drawn_and_follows_an_edit(page, browsing_at):
    page.open(browsing_at + "#at=0.0")
    page.wait("document.querySelector('#space').srcdoc && document.querySelector('#things li')")
    check_drawn(page)
    page.click(EDIT)
    page.wait("lit.size === 1 && lit.has(0)", "#space")
    page.type("form.edit [name=label]", "footstool")
    page.type("[name=center2]", "1.5")
    page.wait("data.objects[0].center[2] === 1.5", "#space")
    tags = "[...document.querySelectorAll('.tag')].map((n) => n.textContent)"
    assert page.run(tags, "#space") == ["0 footstool", "1 <b>lamp</b>"]


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
def serving_at(monkeypatch):
    monkeypatch.setattr(web.page, "examples", list)  # no rooms are rendered
    service = Service(Model)
    assert service.wait(5)
    with served(web.app("stub", service)) as address:
        yield address
    service.close(5)


def send(page, address, paths) -> None:
    """Choose a photograph and its depth."""
    page.open(address)
    page.wait("document.querySelector('#rooms').childElementCount === 0")
    page.upload("[data-name=image]", paths["images"] / "p0.png")
    page.wait("document.querySelector('#photo').naturalWidth === 160")
    page.upload("[data-name=depth]", paths["depth"] / "p0.png")
    page.wait("document.querySelectorAll('.file.has').length === 2")


def test_a_picture_is_sent_and_asked(page, paths, serving_at, tmp_path):
    send(page, serving_at, paths)
    page.type("#text", "How far is the stool from the lamp?")
    page.click("#ask")
    page.wait("!document.querySelector('#result').hidden")
    assert page.run("document.querySelector('#answer').textContent") == "0.90 m"
    assert page.run("document.querySelectorAll('#boxes [data-index]').length") == 2
    assert page.run("document.querySelector('#boxes .length text').textContent") == "0.900 m"
    box = page.run("(() => { const b = document.querySelector('#boxes path').getBBox(); "
                   "return [b.width, b.height]; })()")  # fmt: skip
    assert min(box) > 5
    check_drawn(page)
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    page.upload("[data-name=image]", bad)
    page.wait("document.querySelectorAll('.file.has').length === 1")
    page.click("#all")
    page.wait("document.querySelector('#state').classList.contains('bad')")
    said = page.run("document.querySelector('#state').textContent")
    assert "image" in said
    assert said.endswith(".")


@pytest.mark.slow
def test_questions_follow_by_keyboard_and_steps_stay_lit(page, paths, serving_at):
    send(page, serving_at, paths)
    page.run("document.querySelector('#text').focus()")
    for many in (1, 2):
        page.type("#text", "How far is the stool from the lamp?")
        page.press("Enter")
        page.wait(f"past.length === {many} && !busy")
    assert page.run("document.querySelectorAll('#before button').length") == 1
    counts = page.run("fetch('/metrics').then((r) => r.text())")
    assert "n3d_picture_misses_total 1\n" in counts
    assert "n3d_picture_hits_total 1\n" in counts
    page.wait("data.objects.length === 2", "#space")
    page.run("document.querySelector('#objects li:nth-child(2) button').focus()")
    page.press("Enter")
    row = "document.querySelector('#objects li:nth-child(2) button')"
    page.wait(f"{row}.getAttribute('aria-pressed') === 'true'")
    page.run("document.querySelector('#text').focus()")
    lit = "[...document.querySelectorAll('#boxes [data-index].lit')].map((g) => g.dataset.index)"
    assert page.run(lit) == ["1"]
    page.wait("lit.size === 1 && lit.has(1)", "#space")
    narrow(page)
