from __future__ import annotations

import base64
import io
import json
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest
from PIL import Image

from chat_samples import (
    IMAGE,
    cut_short,
    dripping,
    endless,
    hang_up,
    said,
    send,
    serving,
    slow,
)
from n3d.errors import ConfigError, InputError
from n3d.experts import endpoints, posting
from n3d.experts.chatting import Chat
from n3d.experts.endpoints import Endpoint

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(endpoints, "BACKOFF", 0.001)
    monkeypatch.setattr(endpoints, "MAX_WAIT", 0.05)
    monkeypatch.delenv(endpoints.KEY_VARIABLE, raising=False)


def fails(endpoint: Endpoint, code: str, *words: str) -> InputError:
    with pytest.raises(InputError) as caught:
        endpoint.reply(None, "hello")
    assert caught.value.code == code, str(caught.value)
    told = str(caught.value)
    for word in words:
        assert word in told, told
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "\n" not in told
    assert KEY not in told
    return caught.value


# -- answers ---------------------------------------------------------------------------------


def test_a_reply_and_what_was_sent():
    with serving(said("ein Bücherregal 架")) as server:
        chat = Endpoint(server.url, "qwen", key=KEY, image_format="png")
        assert isinstance(chat, Chat)
        reply = chat.reply("be short", "what is it?", [IMAGE], max_tokens=7, seed=3)
    assert reply == "ein Bücherregal 架"
    path, headers, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert (body["model"], body["max_tokens"], body["seed"]) == ("qwen", 7, 3)
    assert body["temperature"] == 0
    assert body["messages"][0] == {"role": "system", "content": "be short"}
    picture, text = body["messages"][1]["content"]
    assert text == {"type": "text", "text": "what is it?"}
    start, _, data = picture["image_url"]["url"].partition(",")
    assert start == "data:image/png;base64"
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert np.array_equal(seen, IMAGE)


def test_jpeg_is_near_the_picture():
    smooth = np.dstack([np.add.outer(np.arange(40), np.arange(60))] * 3).astype(np.uint8)
    data = endpoints.data_uri(smooth).partition(",")[2]
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert np.abs(seen.astype(int) - smooth).max() <= 3


def test_without_a_picture_the_text_is_plain_and_without_a_key_none_is_sent():
    with serving(said("ok")) as server:
        Endpoint(f"{server.url}/v1/", "m").reply(None, "hello")
    _, headers, body = server.requests[0]
    assert "Authorization" not in headers
    assert body["messages"] == [{"role": "user", "content": "hello"}]


def test_the_key_of_the_environment(monkeypatch):
    monkeypatch.setenv(endpoints.KEY_VARIABLE, KEY + "\n")
    with serving(said("ok")) as server:
        Endpoint(server.url, "m").reply(None, "hello")
    assert server.requests[0][1]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(Endpoint(server.url, "m"))


def test_members_can_be_added_and_left_out():
    extra = {"max_tokens": None, "seed": None, "max_completion_tokens": 9}
    with serving(said("ok")) as server:
        Endpoint(server.url, "m", extra=extra).reply(None, "hello")
    body = server.requests[0][2]
    assert "seed" not in body
    assert "max_tokens" not in body
    assert body["max_completion_tokens"] == 9


def test_content_in_parts():
    with serving(said([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])) as server:
        assert Endpoint(server.url, "m").reply(None, "hello") == "ab"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h:1", "http://h:1/v1/chat/completions"),
        ("http://h:1/v1/", "http://h:1/v1/chat/completions"),
        ("https://h/v1beta/openai/", "https://h/v1beta/openai/chat/completions"),
        ("https://h/v1/chat/completions", "https://h/v1/chat/completions"),
        ("https://h/x?api-version=1", "https://h/x/chat/completions?api-version=1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1/chat/completions"),
    ],
)
def test_addresses(url, expected):
    assert Endpoint(url, "m").url == expected


# -- bad answers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "code", "word"),
    [
        (send("<html>\n<b>Welcome</b></html>"), "endpoint-json", "<b>Welcome</b>"),
        (send(""), "endpoint-json", "not JSON"),
        (send(b"\xff\xfe"), "endpoint-json", "not JSON"),
        (send("[" * 100_000), "endpoint-json", "not JSON"),
        (send("[]"), "endpoint-choices", "without a choice"),
        (send('{"error": {"message": "no model"}}'), "endpoint-choices", "no model"),
        (send('{"choices": []}'), "endpoint-choices", "without a choice"),
        (send('{"choices": [1]}'), "endpoint-choices", "without a choice"),
        (send('{"choices": [{"text": "old"}]}'), "endpoint-choices", "without a choice"),
        (said(5), "endpoint-choices", "no text"),
        (said(None), "endpoint-empty", "max_tokens"),
        (said(" \n"), "endpoint-empty", "empty"),
        (said([]), "endpoint-empty", "empty"),
        (said("x" * 1_000_001), "endpoint-large", "1000001 characters"),
        (endless, "endpoint-large", "8 MiB"),
        (send("Incorrect key " + KEY, 401), "endpoint-key", "HTTP 401"),
        (send("", 403), "endpoint-key", "N3D_API_KEY"),
        (send('{"detail": "no such model"}', 404), "endpoint-missing", "no such model"),
        (send("bad\x00\x1b[31m\nrequest" + "x" * 500, 400), "endpoint-http", "HTTP 400"),
        (send("", 500), "endpoint-http", "tried 3 times"),
        (cut_short, "endpoint-broken", "tried 3 times"),
        (hang_up, "endpoint-broken", "tried 3 times"),
    ],
)
def test_bad_answers(act, code, word):
    with serving(act) as server:
        error = fails(Endpoint(server.url, "m", key=KEY), code, word)
    assert len(str(error)) < 500
    assert str(error).isprintable()
    assert error.file == f"{server.url}/v1/chat/completions"


def test_a_slow_server():
    with serving(slow(0.3)) as server:
        start = time.monotonic()
        fails(Endpoint(server.url, "m", timeout=0.1, retries=1), "endpoint-timeout", "0.1 s")
        assert time.monotonic() - start < 2
    assert len(server.requests) == 2


def test_a_server_that_drips():
    with serving(dripping) as server:
        fails(Endpoint(server.url, "m", timeout=0.2, retries=0), "endpoint-timeout")


def test_a_server_that_speaks_something_else():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    import threading

    def answer():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"SSH-2.0-OpenSSH_9\r\n")

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    with listener:
        fails(Endpoint(f"http://127.0.0.1:{port}", "m"), "endpoint-protocol", "HTTP")
        thread.join()


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    fails(Endpoint(f"http://127.0.0.1:{port}", "m"), "endpoint-refused", "running")


def test_an_unknown_host(monkeypatch):
    def nowhere(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    fails(Endpoint("http://no-such-host.invalid", "m"), "endpoint-host", "no-such-host.invalid")


def test_tls_where_there_is_none():
    with serving(said("ok")) as server:
        url = server.url.replace("http", "https")
        fails(Endpoint(url, "m", key=KEY, retries=0), "endpoint-tls")


# -- once more -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_it_is_asked_again(status):
    with serving(send("busy", status), said("ok")) as server:
        assert Endpoint(server.url, "m", retries=1).reply(None, "hello") == "ok"
    assert len(server.requests) == 2
    assert server.requests[0][2] == server.requests[1][2]


def test_it_is_asked_again_after_a_timeout_and_a_broken_line():
    with serving(slow(0.3), hang_up, said("ok")) as server:
        assert Endpoint(server.url, "m", timeout=0.15).reply(None, "hello") == "ok"


def test_a_mistake_is_not_repeated():
    with serving(send("", 400)) as server:
        fails(Endpoint(server.url, "m"), "endpoint-http")
    assert len(server.requests) == 1


def test_the_wait_that_a_server_asks_for_is_kept_and_bounded(monkeypatch):
    waits = []
    monkeypatch.setattr(endpoints.time, "sleep", waits.append)
    monkeypatch.setattr(endpoints, "MAX_WAIT", 30.0)
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    acts = [send("", 429, Retry_After=w) for w in ("7", "1e9", "99999", later, "soon")]
    with serving(*acts, send("", 503), said("ok")) as server:
        assert Endpoint(server.url, "m", retries=9).reply(None, "hello") == "ok"
    assert waits[0] == 7
    assert waits[1] == 0.001 * 2
    assert waits[2] == 30
    assert 15 < waits[3] <= 20
    assert waits[4:] == [0.001 * 16, 0.001 * 32]


# -- redirects -------------------------------------------------------------------------------


def test_a_redirect_on_the_same_host_keeps_the_request():
    with serving(send("", 307, Location="/other/chat"), said("ok")) as server:
        assert Endpoint(server.url, "m", key=KEY).reply(None, "hello") == "ok"
    assert server.requests[1][0] == "/other/chat"
    assert server.requests[1][2] == server.requests[0][2]


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://127.0.0.2:1/x", "//evil/x", ""]
)
def test_other_redirects_are_refused(location):
    with serving(send("", 307, Location=location)) as server:
        # Without a place it is the same address again, without end.
        fails(Endpoint(server.url, "m", key=KEY), "endpoint-redirect", "redirect")


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_loses_the_question_is_refused(status):
    with serving(send("", status, Location="/x")) as server:
        fails(Endpoint(server.url, "m"), "endpoint-redirect", f"HTTP {status}")
    assert len(server.requests) == 1


def test_from_https_to_http_is_refused():
    error = posting.urllib.error.HTTPError("", 307, "", {"Location": "http://h/x"}, None)
    with pytest.raises(posting.Failure):
        posting._redirected("https://h/v1", error)
    error = posting.urllib.error.HTTPError("", 308, "", {"Location": "https://h/x"}, None)
    assert posting._redirected("http://h/v1", error) == "https://h/x"


# -- arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8000", "ftp://h/v1", "file:///etc/passwd", "http://", "http://h:port",
     "http://h:99999", "http://user:pass@h", "http://h/a b", "http://h/\nHost: x", "http://hé/é",
     "http://" + "a" * 100, None, 5],
)  # fmt: skip
def test_addresses_that_are_none(url):
    with pytest.raises(InputError) as caught:
        Endpoint(url, "m")
    assert caught.value.code == "endpoint-url"
    assert "pass" not in str(caught.value).replace("passwd", "").replace("password", "")


def test_a_key_that_would_break_the_header():
    for key in ("a\r\nX: y", "ключ", "two words"):
        with pytest.raises(InputError) as caught:
            Endpoint("http://h", "m", key=key)
        assert caught.value.code == "endpoint-key"
        assert key not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [{"timeout": 0}, {"timeout": float("nan")}, {"retries": -1}, {"retries": 1.5},
     {"image_format": "gif"}, {"extra": {"a": object()}}],
)  # fmt: skip
def test_options_that_are_none(options):
    with pytest.raises(ConfigError) as caught:
        Endpoint("http://h", "m", **options)
    assert caught.value.field == next(iter(options))


@pytest.mark.parametrize(
    ("arguments", "options", "code"),
    [
        ((None, "x", [IMAGE.astype(float)]), {}, "image-shape"),
        ((None, "x", [IMAGE[..., 0]]), {}, "image-shape"),
        ((None, "x", [IMAGE[:0]]), {}, "image-shape"),
        ((None, "x", ["picture.png"]), {}, "image-shape"),
        ((None, "x", [IMAGE] * 17), {}, "chat-images"),
        ((None, "x\0"), {}, "chat-text"),
        (("\ud800", "x"), {}, "chat-text"),
        ((None, None), {}, "chat-text"),
        ((None, "x" * 300_000), {}, "chat-text"),
        ((None, "x"), {"max_tokens": 0}, "config-value"),
        ((None, "x"), {"temperature": -1.0}, "config-value"),
        ((None, "x"), {"seed": 1.5}, "config-value"),
    ],
)
def test_arguments_that_no_model_takes(arguments, options, code):
    with pytest.raises((InputError, ConfigError)) as caught:
        Endpoint("http://127.0.0.1:1", "m").reply(*arguments, **options)
    assert caught.value.code == code


def test_a_picture_too_wide_for_jpeg():
    wide = np.zeros((1, 70_000, 3), np.uint8)
    with pytest.raises(InputError) as caught:
        endpoints.data_uri(wide)
    assert caught.value.code == "chat-images"
    assert json.dumps(endpoints.data_uri(wide, "png")).startswith('"data:image/png')
