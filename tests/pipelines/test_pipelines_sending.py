"""Pictures that come in messages: read once, within limits, refused by the field they came in."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from n3d.errors import InputError, N3DError
from n3d.pipelines import fetching, sending
from n3d.pipelines.sending import Album

K = {"fx": 60, "fy": 60, "cx": 32, "cy": 24, "width": 64, "height": 48}


def png(array, form="PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, form)
    return out.getvalue()


IMAGE = sending.packed(png(np.full((48, 64, 3), 90, np.uint8)), "image/png")
DEPTH = sending.packed(png(np.full((48, 64), 2000, np.uint16)), "image/png")


def test_a_picture_is_read_once_and_remembered_by_its_bytes_and_options():
    album = Album(2)
    first = album.see(IMAGE, DEPTH, K)
    assert album.see(IMAGE, DEPTH, dict(K)).view is first.view
    assert album.see(IMAGE, DEPTH, K, up=[0, -1, 0]).view is not first.view
    assert album.see(IMAGE, DEPTH).view is not first.view
    assert album.see(IMAGE, DEPTH, K).view is not first.view  # two are kept
    assert (album.hits, album.misses) == (1, 4)
    assert first.view.depth is not None
    assert np.all(first.view.depth == 2)
    assert first.view.camera.fx == 60


def test_a_camera_may_be_a_file():
    uri = sending.packed(json.dumps(K).encode(), "application/json")
    assert Album(1).see(IMAGE, None, uri).view.camera.fx == 60


def test_warnings_of_reading_come_back_without_the_name_of_a_file():
    frames = [Image.new("RGB", (64, 48), c) for c in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    (note,) = Album(1).see(sending.packed(out.getvalue(), "image/gif")).notes
    assert note == "image: holds 2 frames, only the first is read"


HTML = base64.b64encode(b"<html>no image</html>").decode()
ROWS = {
    "missing": ({"image": None}, "image", "image-missing"),
    "no URI": ({"image": "photo.jpg"}, "image", "data-uri"),
    "a path": ({"image": "/etc/passwd"}, "image", "data-uri"),
    "file URL": ({"image": "file:///etc/passwd"}, "image", "data-uri"),
    "URL": ({"image": "http://127.0.0.1/a.png"}, "image", "url-refused"),
    "empty": ({"image": "data:image/png;base64,"}, "image", "file-empty"),
    "no base64": ({"image": "data:image/png;base64,%%%"}, "image", "data-base64"),
    "cut base64": ({"image": "data:image/png;base64,abcde"}, "image", "data-base64"),
    "plain": ({"image": "data:image/png,abc"}, "image", "data-base64"),
    "wrong kind": ({"image": f"data:text/html;base64,{HTML}"}, "image", "data-kind"),
    "html as png": ({"image": f"data:image/png;base64,{HTML}"}, "image", "image-format"),
    "cut": ({"image": IMAGE[:-40]}, "image", "image-broken"),
    "tiny": ({"image": sending.packed(png(np.zeros((1, 1, 3), np.uint8)), "image/png")},
             "image", "image-small"),
    "8-bit depth": ({"depth": sending.packed(png(np.zeros((48, 64), np.uint8)), "image/png")},
                    "depth", "depth-8bit"),
    "depth of another shape": (
        {"depth": sending.packed(png(np.full((64, 48), 2000, np.uint16)), "image/png")},
        "depth", None),
    "depth without values": (
        {"depth": sending.packed(png(np.zeros((48, 64), np.uint16)), "image/png")}, "depth", None),
    "text camera": ({"camera": {**K, "fx": "525"}}, "camera", None),
    "negative fx": ({"camera": {**K, "fx": -1}}, "camera", None),
    "unknown key": ({"camera": {"focal": 3}}, "camera", None),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_what_cannot_be_used_is_told_by_its_field(row):
    given, field, code = ROWS[row]
    with pytest.raises(N3DError) as told:
        Album(1).see(**{"image": IMAGE, **given})
    assert (told.value.field or "").partition(".")[0] == field
    assert code in (None, told.value.code)
    assert "/tmp" not in str(told.value)


def test_large_pictures_are_refused_before_they_are_decoded():
    with pytest.raises(InputError) as told:
        Album(1, pixels=1000).see(IMAGE)
    assert told.value.code == "image-large"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1",
             "0.0.0.0", "192.168.1.1", "100.64.0.1"],
)  # fmt: skip
def test_private_addresses_are_never_fetched(host):
    with pytest.raises(InputError) as told:
        fetching.public(host, 80)
    assert told.value.code == "url-refused"


@pytest.mark.parametrize(
    "url", ["http://", "http://u:p@a.b/", "http://h:99999/", "https://127.1/x"]
)
def test_urls_that_are_none_are_refused(url):
    with pytest.raises(InputError):
        fetching.fetch(url)
