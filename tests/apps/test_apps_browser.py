"""The browser of a data set, as programs see it: what it finds, writes and refuses."""

from __future__ import annotations

import json

import browsed
import pytest

pytest.importorskip("fastapi", reason="needs the serve extra: fastapi")
pytest.importorskip("starlette.testclient", exc_type=RuntimeError)

from starlette.testclient import TestClient

from n3d.apps import cli
from n3d.apps.server import browser
from n3d.pipelines import browsing, reviewing
from n3d.pipelines.browsing import Wanted
from n3d.scene import reviews
from n3d.scene.reviews import Reviews


@pytest.fixture
def paths(tmp_path):
    return browsed.write(tmp_path)


@pytest.fixture
def client(paths):
    table = reviewing.table(paths["scenes"], paths["images"], f"sensor:{paths['depth']}")
    with table.alone(), TestClient(browser.app(table), base_url="http://127.0.0.1") as client:
        yield client


def ids(client, **wanted) -> list[str]:
    """The pictures that are found, page after page."""
    found, at = [], ""
    while at is not None:
        told = client.get("/data/sheet", params={**wanted, "at": at}).json()
        found += [card["id"] for card in told["cards"]]
        at = told["next"]
    return found


def say(client, at, **record):
    return client.post(f"/data/review/{at}", json=record)


def test_pictures_are_found_by_what_is_in_them(client, monkeypatch):
    monkeypatch.setattr(browsing, "PAGE", 1)
    every = ["p0", "p1", "p2", "p3"]
    assert ids(client) == every
    assert ids(client, label="stool") == every
    assert ids(client, label="lamp") == ["p1", "p2", "p3"]
    assert ids(client, label="stool", high=0.5) == ["p0", "p1"]
    assert ids(client, label="stool", low=0.5) == ["p2", "p3"]
    assert ids(client, licence="CC0") == ["p1", "p3"]
    assert ids(client, source="elsewhere") == []
    assert say(client, "0.1", object="1", verdict="accept").status_code == 200
    assert ids(client, state="accept") == ["p1"]
    assert ids(client, label="stool", state="open") == ["p0", "p2", "p3"]


def test_a_search_that_takes_long_goes_on_where_it_was(client, monkeypatch):
    monkeypatch.setattr(browsing, "SECONDS", -1.0)
    first = client.get("/data/sheet", params={"label": "stool", "low": 0.75}).json()
    assert (first["cards"], first["next"]) == ([], "0.0")
    monkeypatch.undo()
    assert ids(client, label="stool", low=0.75) == ["p3"]


def test_only_shards_that_hold_the_class_are_read(paths, monkeypatch):
    library = browsing.Library(paths["scenes"])
    read, plain = [], browsing.peeking.rows
    monkeypatch.setattr(
        browsing.peeking, "rows", lambda path, *a: read.append(path.stem) or plain(path, *a)
    )
    said = Reviews.read(paths["scenes"])
    assert library.search(Wanted("<b>lamp</b>"), said).next is None
    assert read == ["00000"]


def test_an_object_is_found_under_its_new_name(client):
    assert say(client, "1.0", object="2", verdict="edit", label="torch").status_code == 200
    assert ids(client, label="torch") == ["p2"]
    assert ids(client, label="lamp") == ["p1", "p3"]


def test_what_was_dropped_is_told(client):
    about = client.get("/data/about").json()
    assert (about["kept"], about["dropped"]) == (4, 1)
    assert about["reasons"] == {"depth-empty": 1}
    assert about["licences"] == ["CC BY 4.0", "CC0"]
    told = client.get("/data/lost", params={"reason": "depth-empty"}).json()
    (drop,) = told["drops"]
    assert drop == {"id": "p4", "reason": "depth-empty", "detail": "no valid depth", "at": None}
    assert client.get("/data/lost", params={"reason": "other"}).json()["drops"] == []


def test_a_picture_has_its_numbers_its_image_and_its_space(client):
    found = client.get("/data/picture/0.0").json()
    stool = found["objects"][0]
    assert stool["yaw"] == pytest.approx(0.3)
    assert stool["size"] == [0.5, 0.6, 0.4]
    assert len(stool["corners"]) == 24
    assert ["licence", "CC BY 4.0"] in found["facts"]
    image = client.get("/data/image/0.0")
    assert (image.headers["content-type"], image.content[:2]) == ("image/jpeg", b"\xff\xd8")
    page = client.get("/data/space/0.0").json()["page"]
    assert "<b>lamp" not in page
    assert "webgl2" in page


def test_boxes_stand_alone_where_the_image_is_not_there(client, paths):
    (paths["images"] / "p3.png").unlink()
    assert client.get("/data/image/1.1").json()["error"]["code"] == "image-missing"
    page = client.get("/data/space/1.1").json()["page"]
    assert ('"xyz":""' in page, page.count('"corners":')) == (True, 2)


def test_reviews_are_written_and_shown(client, paths):
    said = say(client, "0.0", object="1", verdict="edit", size=[1, 2, 3], yaw=0.5, note="bigger")
    stool = said.json()["picture"]["objects"][0]
    assert (stool["size"], stool["said"], stool["edited"]) == ([1, 2, 3], "edit", ["size", "yaw"])
    assert stool["lifted"]["size"] == [0.5, 0.6, 0.4]
    say(client, "0.0", object="2", verdict="reject")
    say(client, "1.1", object=None, verdict="reject")
    lines = (paths["scenes"] / reviews.FILE).read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"scene": "p0", "object": "1", "verdict": "edit", "size": [1, 2, 3], "yaw": 0.5,
         "note": "bigger"},
        {"scene": "p0", "object": "2", "verdict": "reject"},
        {"scene": "p3", "object": None, "verdict": "reject"},
    ]  # fmt: skip
    assert [s.id for s in reviews.read(paths["scenes"])] == ["p0", "p1", "p2"]
    undone = say(client, "0.0", object="1", verdict="undo").json()
    assert undone["picture"]["objects"][0]["said"] is None
    assert undone["reviews"]["edited"] == 0


def test_lines_added_by_hand_are_kept(client, paths):
    say(client, "0.0", object="1", verdict="accept")
    with open(paths["scenes"] / reviews.FILE, "a") as f:
        f.write('{"scene": "p2", "object": "1", "verdict": "reject"}\n')
    told = say(client, "0.0", object="2", verdict="accept").json()["reviews"]
    assert (told["accepted"], told["rejected"]) == (2, 1)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"object": "9", "verdict": "reject"}, "scene p0 has no object '9'"),
        ({"object": "1", "verdict": "burn"}, "verdict: is 'burn' (limit: accept, reject"),
        ({"object": "1", "verdict": "edit", "size": [1, 0, 1]}, "size: must be positive"),
        ({"object": "1", "verdict": "edit", "center": [1, 1]}, "center: must have shape (3,)"),
        ({"object": "1", "verdict": "edit", "yaw": True}, "yaw: must be a number"),
        ({"object": "1", "verdict": "edit", "colour": 3}, "colour: a Review has no such field"),
        ({"object": "1", "verdict": "edit"}, "edit: changes nothing"),
        ([1], "must be a JSON object"),
    ],
)
def test_what_is_no_review_is_refused_and_not_written(client, paths, record, words):
    found = client.post("/data/review/0.0", json=record)
    assert found.status_code in (400, 422)
    assert words in found.json()["error"]["message"]
    assert not (paths["scenes"] / reviews.FILE).exists()


def test_requests_of_others_are_refused(client):
    ask = {"json": {"object": "1", "verdict": "accept"}}
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        assert client.post("/data/review/0.0", headers=headers, **ask).status_code == 403
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 403
    text = {"content": b'{"verdict": "accept"}', "headers": {"Content-Type": "text/plain"}}
    assert client.post("/data/review/0.0", **text).status_code == 415
    nan = {"content": b'{"yaw": NaN}', "headers": {"Content-Type": "application/json"}}
    assert client.post("/data/review/0.0", **nan).status_code == 422
    assert client.post("/data/review/0.0", json={"note": "x" * 70_000}).status_code == 413
    for at in ("9.0", "0.9", "-1.0", "0", "%2e%2e%2fmanifest"):
        assert client.get(f"/data/picture/{at}").status_code in (404, 422), at
    assert client.get("/data/sheet", params={"low": "much"}).status_code == 422
    assert client.get("/data/sheet", params={"low": "nan"}).status_code == 422


def test_the_page_names_the_data_set_and_loads_nothing(client):
    page = client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<title>scenes: n3d</title>" in page.text
    assert "http://" not in page.text.replace("http://www.w3.org/2000/svg", "")


def test_two_browsers_do_not_write_into_one_folder(client, paths):
    other = reviewing.table(paths["scenes"], paths["images"], None)
    with pytest.raises(Exception, match="another process is writing"), other.alone():
        pass


def test_mistakes_on_the_command_line_end_in_a_sentence(paths, capsys):
    scenes, images = str(paths["scenes"]), str(paths["images"])
    image = str(paths["images"] / "p0.png")
    for argv, words in (
        ([scenes], "--images: is needed here"),
        ([scenes, "--images", images + "x"], "--images: is no folder"),
        ([scenes, "--images", images, "--out", "x.png"], "--out: is for a single picture"),
        ([images, "--images", images], "holds no data set"),
        ([image], "--out: is needed here"),
        ([image, "--out", "x.png", "--images", images], "--images: is for a folder of scenes"),
    ):
        with pytest.raises(SystemExit) as stop:
            cli.main(["view", *argv])
        assert stop.value.code == 2
        assert words in capsys.readouterr().err
