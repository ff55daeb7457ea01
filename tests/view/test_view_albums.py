from __future__ import annotations

import base64
import io
import re

import numpy as np
from PIL import Image

from n3d import view


def figure(caption: str, verdict: str = "", good: bool | None = None) -> view.Figure:
    rng = np.random.default_rng(len(caption))
    image = Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8))
    return view.Figure(image, caption, verdict, good)


def test_an_album_shows_every_figure_under_its_heading(tmp_path):
    sections = [
        view.Section(
            "First", [figure("alpha", "right", True), figure("beta", "wrong", False)], "because"
        ),
        view.Section("Second", [figure("gamma")], width=900),
    ]
    path = view.album(tmp_path / "page.html", "A title", "About it.", sections)
    text = path.read_text()
    words = ["A title", "About it.", "First", "because", "alpha", ">right<", "beta", ">wrong<",
             "Second", "gamma"]  # fmt: skip
    order = [text.index(word, text.index("<body>")) for word in words]
    assert order == sorted(order)
    assert text.count("<figure>") == 3
    assert '<span class="good">right</span>' in text
    assert '<span class="bad">wrong</span>' in text
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)
    sizes = [Image.open(io.BytesIO(base64.b64decode(p))).size for p in pictures]
    assert sizes == [(32, 24)] * 3


def test_words_of_an_album_are_text_and_nothing_is_loaded(tmp_path):
    bad = '<script>alert("x")</script> {{part}} \ud800'
    path = view.album(tmp_path / "a.html", bad, bad, [view.Section(bad, [figure(bad, bad)], bad)])
    text = path.read_text("utf-8")
    assert "<script" not in text
    assert text.count("{{part}}") == 8  # only those of the words
    assert not re.search(r"https?://", text)
    assert "default-src 'none'" in text
