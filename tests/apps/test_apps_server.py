"""The server: in this process before a model made here, and alone in a process with n3d-mini."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the serve extra: fastapi")
pytest.importorskip("uvicorn", reason="needs the serve extra: uvicorn")

from n3d import synthetic
from n3d.apps import cli
from n3d.pipelines import sending
from n3d.pipelines.serving import Limits, Service
from n3d.scene import Prediction

MINI = Path(cli.__file__).parents[1] / "model/mini"


def packed(array) -> str:
    out = io.BytesIO()
    Image.fromarray(array).save(out, "PNG")
    return sending.packed(out.getvalue(), "image/png")


IMAGE = packed(np.full((48, 64, 3), 90, np.uint8))


# -- in this process -------------------------------------------------------------------------


class Model:
    """Answers every question that it may, as soon as its gate is open."""

    def __init__(self):
        self.gate, self.asked = threading.Event(), []
        self.gate.set()

    def sampled(self, sampling):
        self.sampling = sampling
        return self

    def __call__(self, asked, *, left):
        self.asked += [a.text for a in asked]
        while not self.gate.wait(0.01) and not all(left(i) for i in range(len(asked))):
            pass
        if any("crash" in (a.question or "") for a in asked):
            raise RuntimeError("/secret/path")
        return [
            Prediction(a.text, fault="object-absent: nothing" if "absent" in a.text else None)
            for a in asked
        ]


@pytest.fixture
def client(tmp_path):
    testclient = pytest.importorskip("starlette.testclient", exc_type=RuntimeError)
    from n3d.apps.server import web

    made = []

    def client(model=None, token=None, headers=None, **limits):
        service = Service(lambda: model or Model(), Limits(**limits))
        service.wait(5)
        app = web.app("n3d-mini", service, token=token)
        made.append(testclient.TestClient(app, headers=headers))
        made[-1].service = service
        return made[-1].__enter__()

    yield client
    for c in made:
        c.__exit__(None, None, None)


def error(response) -> dict:
    found = response.json()["error"]
    assert "Traceback" not in response.text
    assert set(found) == {"message", "type", "param", "code", "field", "limit", "hint"}
    return found


CHAT = {"messages": [{"role": "user", "content": [
    {"type": "image_url", "image_url": {"url": IMAGE}}, {"type": "text", "text": "How far?"},
]}]}  # fmt: skip
DEEP = "[" * 100_000
ROWS = {
    "no JSON": ("/v1/answer", b"{", 400, "request-json", None),
    "a list": ("/v1/answer", b"[]", 400, "request-json", None),
    "NaN": ("/v1/answer", b'{"fov": NaN}', 400, "request-json", None),
    "twice": ("/v1/answer", b'{"image": "a", "image": "b"}', 400, "request-json", None),
    "deep": ("/v1/answer", DEEP.encode(), 400, "request-json", None),
    "not UTF-8": ("/v1/answer", b'{"image": "\xff"}', 400, "request-json", None),
    "no image": ("/v1/detect", {}, 422, "request-missing", "image"),
    "wrong name": ("/v1/answer", {"image": IMAGE, "qestion": "a"}, 422, "request-field", "qestion"),
    "number": ("/v1/answer", {"image": IMAGE, "question": 3}, 422, "request-value", "question"),
    "empty": ("/v1/answer", {"image": IMAGE, "question": ""}, 422, "question-empty", "question"),
    "blank": ("/v1/answer", {"image": IMAGE, "question": " \u200b\u202e"}, 422, "question-empty",
              "question"),
    "long": ("/v1/answer", {"image": IMAGE, "question": "a" * 100_000}, 413, "question-long",
             "question"),
    "NUL": ("/v1/answer", {"image": IMAGE, "question": "a\0"}, 422, "question-nul", "question"),
    "surrogate": ("/v1/answer", {"image": IMAGE, "question": "a\ud800"}, 422, "question-surrogate",
                  "question"),
    "absent": ("/v1/answer", {"image": IMAGE, "question": "absent"}, 422, "object-absent", None),
    "base64": ("/v1/detect", {"image": "data:image/png;base64,!"}, 422, "data-base64", "image"),
    "kind": ("/v1/detect", {"image": "data:text/html;base64,QUJD"}, 422, "data-kind", "image"),
    "URL": ("/v1/detect", {"image": "http://127.0.0.1/"}, 422, "url-refused", "image"),
    "pixels": ("/v1/detect", {"image": packed(np.zeros((100, 100, 3), np.uint8))}, 413,
               "image-large", "image"),
    "singular": ("/v1/detect", {"image": IMAGE, "camera": {"K": [[0] * 3] * 3}}, 422, None,
                 "camera"),
    "up": ("/v1/detect", {"image": IMAGE, "up": [0, 0, 0]}, 422, None, None),
    "two ways": ("/v1/ground", {"image": IMAGE, "text": "a", "point": [1, 2]}, 422,
                 "ground-request", "text, box and point"),
    "no way": ("/v1/ground", {"image": IMAGE}, 422, "ground-request", "text, box and point"),
    "place": ("/v1/ground", {"image": IMAGE, "box": [1, 2]}, 422, "ground-place", "box"),
    "n": ("/v1/chat/completions", {**CHAT, "n": 10**9}, 422, "request-value", "n"),
    "tokens": ("/v1/chat/completions", {**CHAT, "max_tokens": 10**9}, 422, "request-value",
               "max_tokens"),
    "temperature": ("/v1/chat/completions", json.dumps({**CHAT, "temperature": float("nan")}),
                    400, "request-json", None),
    "tools": ("/v1/chat/completions", {**CHAT, "tools": [{}]}, 422, "chat-unsupported", "tools"),
    "model": ("/v1/chat/completions", {**CHAT, "model": "gpt"}, 404, "chat-model", "model"),
    "text alone": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}, 422,
                   "image-missing", "messages"),
    "role": ("/v1/chat/completions", {"messages": [{"role": "root", "content": "hi"}]}, 422,
             "chat-role", "messages.0.role"),
    "parts": ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "x"}]}]},
              422, "chat-content", "messages.0.content"),
    "nobody": ("/v1/nothing", {}, 404, "http-404", "/v1/nothing"),
    "crash": ("/v1/answer", {"image": IMAGE, "question": "crash"}, 500, "server-fault", None),
}  # fmt: skip


def test_bad_requests_are_told_by_field_and_none_by_a_traceback(client):
    c = client(pixels=5000)
    for row, (path, body, status, code, field) in ROWS.items():
        if not isinstance(body, str | bytes):
            body = json.dumps(body)
        answer = c.post(path, content=body, headers={"Content-Type": "application/json"})
        found = error(answer)
        assert answer.status_code == status, (row, found)
        assert code in (None, found["code"]), (row, found)
        if field is not None:
            assert (found["field"] or "").startswith(field), (row, found)
        assert "/secret" not in answer.text
    assert c.post("/v1/answer", json={"image": IMAGE, "question": "well?"}).status_code == 200


def test_bodies_are_json_and_no_larger_than_said(client):
    c = client(body=1000)
    answer = c.post("/v1/detect", json={"image": "a" * 2000})
    assert (answer.status_code, error(answer)["code"]) == (413, "request-large")
    answer = c.post("/v1/detect", content=(b"a" * 600 for _ in range(3)),
                    headers={"Content-Type": "application/json"})  # fmt: skip
    assert answer.status_code == 413
    answer = c.post("/v1/detect", data={"image": "a"})
    assert (answer.status_code, error(answer)["code"]) == (415, "request-kind")
    assert c.get("/v1/detect").status_code == 405


def test_the_token_is_needed_where_one_is_set(client):
    c = client(token="s3cret")
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer s\xe4".encode("latin-1")},
    ):
        for path in ("/v1/models", "/metrics"):
            answer = c.get(path, headers=headers)
            assert (answer.status_code, error(answer)["code"]) == (401, "token")
    assert c.get("/v1/models", headers={"Authorization": "Bearer s3cret"}).status_code == 200
    assert c.get("/health").status_code == 200


def test_a_full_queue_says_when_to_come_again(client):
    model = Model()
    model.gate.clear()
    c = client(model, queue=1)
    ask = {"image": IMAGE, "question": "one?"}
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(c.post, "/v1/answer", json=ask)
        until(lambda: model.asked)
        second = pool.submit(c.post, "/v1/answer", json=ask)
        until(lambda: c.service.waiting)
        third = c.post("/v1/answer", json=ask)
        assert (third.status_code, third.headers["Retry-After"]) == (429, "1")
        assert error(third)["limit"] == "1 waiting"
        model.gate.set()
        assert [f.result(5).status_code for f in (first, second)] == [200, 200]


def test_what_takes_too_long_is_given_up(client):
    model = Model()
    model.gate.clear()
    answer = client(model, seconds=0.2).post("/v1/detect", json={"image": IMAGE})
    assert (answer.status_code, error(answer)["code"]) == (504, "server-time")


def test_a_chat_is_a_picture_and_the_last_question(client):
    model = Model()
    c = client(model)
    talk = [
        {"role": "system", "content": "You are a pirate."},
        *CHAT["messages"],
        {"role": "assistant", "content": "1 m"},
        {"role": "user", "content": "Locate: lamp; the red chair"},
    ]
    told = c.post("/v1/chat/completions", json={"messages": talk, "temperature": 0, "seed": 5})
    assert told.status_code == 200
    detect = [{"role": "user", "content": "Detect all objects."}]
    more = {"messages": CHAT["messages"] + detect, "max_tokens": 9, "temperature": 0.5}
    assert c.post("/v1/chat/completions", json=more).json()["choices"][0]["message"]["content"]
    assert model.asked == ["lamp; the red chair", ""]
    assert (model.sampling.max_tokens, model.sampling.temperature) == (9, 0.5)
    absent = [{"role": "user", "content": "absent?"}]
    told = c.post("/v1/chat/completions", json={"messages": CHAT["messages"] + absent}).json()
    assert told["choices"][0]["message"]["content"] == "No answer: nothing"
    assert told["n3d"]["fault"] == "object-absent: nothing"
    assert "n3d_picture_hits_total 2" in c.get("/metrics").text


def test_the_interface_is_described(client):
    c = client()
    paths = c.get("/openapi.json").json()["paths"]
    assert {"/v1/answer", "/v1/ground", "/v1/detect", "/v1/chat/completions", "/health"} <= set(
        paths
    )
    body = paths["/v1/answer"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"image", "depth", "camera", "question"} <= set(body["properties"])


def test_wrong_options_end_in_a_sentence(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for argv, said in (
            (["--port", port], "--port: cannot listen"), (["--queue", "0"], "--queue"),
            (["--host", "no.such.host.invalid"], "--host"),
        ):  # fmt: skip
            with pytest.raises(SystemExit) as stop:
                cli.main(["serve", "--model", "n3d-mini", *argv])
            assert stop.value.code == 2
            assert said in capsys.readouterr().err


def until(true, seconds=20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.01)


# -- a process of its own --------------------------------------------------------------------


class Server:
    """`n3d serve` on a free port."""

    def __init__(self, *argv, **env):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "n3d.apps.cli", "serve", "--port", "0", *argv],
            stdout=subprocess.PIPE, text=True, env={**os.environ, **env},
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split("/ ")[0]
        self.early = self.get("/health")[0]
        self.said = self.process.stdout.readline()

    def get(self, path, data=None) -> tuple[int, dict]:
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(
            self.url + path, body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as f:
                return f.status, json.load(f)
        except urllib.error.HTTPError as e:
            return e.code, json.load(e)


@pytest.fixture(scope="module")
def server():
    for name in ("torch", "transformers", "llguidance"):
        pytest.importorskip(name, reason=f"needs the model extra: {name}")
    if not MINI.is_dir():
        pytest.skip("needs n3d-mini in the package")
    found = Server("--model", "n3d-mini")
    yield found
    found.process.kill()
    found.process.wait()


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> tuple[dict, dict, list[str]]:
    """A rendered room as the fields of a request, its files, and two labels in it."""
    made = synthetic.make(5, synthetic.SceneConfig(width=320, height=240))
    paths = synthetic.write(made, tmp_path_factory.mktemp("room"))
    sent = {k: sending.packed(paths[k].read_bytes(), "image/png") for k in ("image", "depth")}
    sent["camera"] = json.loads(paths["camera"].read_text())
    labels = [o.label for o in made.targets]
    assert len(set(labels[:2])) == 2
    return sent, paths, labels


def counted(server, name) -> int:
    """A number of /metrics."""
    with urllib.request.urlopen(f"{server.url}/metrics") as f:
        lines = f.read().decode().splitlines()
    return next(int(x.split()[1]) for x in lines if x.startswith(f"{name} "))


def near(a, b) -> bool:
    """Whether two records are the same but for the noise of numbers added in another order."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(near(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(near, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a == pytest.approx(b, rel=1e-2, abs=1e-2)
    return a == b


def test_the_process_answers_as_the_command_line_does(server, room, tmp_path, capsys):
    sent, paths, (one, other, *_) = room
    assert (server.early, server.get("/health")[0]) == (503, 200)
    assert "ready" in server.said
    question = f"How far is the {one} from the {other}?"
    asked = {
        "answer": ([question], {"question": question}),
        "ground": ([one, other], {"text": [one, other]}),
    }
    for command, (argv, more) in asked.items():
        files = ["--depth", paths["depth"], "--camera", paths["camera"], "--json", "-"]
        with pytest.raises(SystemExit):
            cli.main([command, str(paths["image"]), *argv, *map(str, files), "--model", "n3d-mini"])
        expected = json.loads(capsys.readouterr().out)
        status, found = server.get(f"/v1/{command}", {**sent, **more})
        assert status == 200
        assert list(found) == list(expected)
        assert near(found, expected)
    found = server.get("/v1/detect", sent)[1]
    assert found["objects"]


def test_further_questions_do_not_look_at_the_picture_again(server):
    made = synthetic.make(9, synthetic.SceneConfig(width=160, height=120)).rgbd
    camera = {"fx": 150, "fy": 150, "cx": 80, "cy": 60, "width": 160, "height": 120}
    sent = {"image": packed(made.image), "camera": camera}
    looks, hits = (counted(server, f"n3d_{n}_total") for n in ("looks", "picture_hits"))
    for label in ("stool", "table", "lamp"):
        status, told = server.get("/page/ask", {**sent, "text": [label]})
        assert status == 200, told
    assert counted(server, "n3d_looks_total") == looks + 1
    assert counted(server, "n3d_picture_hits_total") == hits + 2


def test_many_clients_at_once_get_what_each_gets_alone(server, room):
    sent, _, labels = room
    names = labels[:3]
    alone = [server.get("/v1/ground", {**sent, "text": n})[1] for n in names]
    with ThreadPoolExecutor(9) as pool:
        every = list(
            pool.map(lambda i: server.get("/v1/ground", {**sent, "text": names[i % 3]}), range(9))
        )
    for i, (status, found) in enumerate(every):
        assert status == 200
        assert near(found, alone[i % 3])


def test_openai_s_client_talks_to_it(server, room):
    openai = pytest.importorskip("openai", reason="needs the package openai")
    sent, _, (one, other, *_) = room
    talker = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
    assert [m.id for m in talker.models.list().data] == ["n3d-mini"]
    question = f"How far is the {one} from the {other}?"
    parts = [
        {"type": "image_url", "image_url": {"url": sent["image"]}},
        {"type": "text", "text": question},
    ]
    given = {
        "model": "n3d-mini", "messages": [{"role": "user", "content": parts}],
        "extra_body": {"depth": sent["depth"], "camera": sent["camera"]},
    }  # fmt: skip
    whole = talker.chat.completions.create(**given)
    text = whole.choices[0].message.content
    assert whole.n3d["question"] == question
    assert text.startswith(whole.n3d["answer"])
    pieces = [c.choices[0] for c in talker.chat.completions.create(stream=True, **given)]
    assert "".join(p.delta.content or "" for p in pieces) == text
    assert pieces[-1].finish_reason == "stop"
    # What is being written comes before the reply: boxes first, then steps.
    kinds = ["written" if getattr(p.delta, "reasoning_content", None) else "reply" for p in pieces]
    assert kinds[0] == "reply"  # the role
    assert "written" not in kinds[kinds.index("written") + kinds.count("written") :]
    written = "".join(getattr(p.delta, "reasoning_content", None) or "" for p in pieces)
    assert written.index(f"{one}: center (") < written.index(">>> ")
    with pytest.raises(openai.UnprocessableEntityError) as told:
        talker.chat.completions.create(**given, n=5)
    assert told.value.code == "request-value"


def test_what_goes_wrong_before_a_stream_is_said_as_ever(server):
    asked = {"model": "n3d-mini", "stream": True, "messages": [{"role": "user", "content": "?"}]}
    status, told = server.get("/v1/chat/completions", asked)
    assert status == 422
    assert told["error"]["code"] == "image-missing"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_talks_to_it(server, room, tmp_path):
    sent, _, (one, *_) = room
    (tmp_path / "request.json").write_text(json.dumps({**sent, "text": one}))
    done = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "--json", f"@{tmp_path / 'request.json'}",
         f"{server.url}/v1/ground"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["text"] == one


def test_a_client_that_leaves_is_not_written_for(server, room):
    sent, _, _ = room
    host, port = server.url.removeprefix("http://").split(":")
    body = json.dumps(sent).encode()
    head = (
        f"POST /v1/detect HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )

    before = counted(server, "n3d_left_total")
    for _ in range(3):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head.encode() + body)
    until(lambda: counted(server, "n3d_left_total") == before + 3)
    assert server.get("/health")[0] == 200


def test_sigterm_answers_what_was_begun_and_ends(server, room):
    sent, _, labels = room
    before = counted(server, "n3d_picture_hits_total")
    with ThreadPoolExecutor(3) as pool:
        asked = [
            pool.submit(server.get, "/v1/ground", {**sent, "text": name}) for name in labels[:3]
        ]
        until(lambda: counted(server, "n3d_picture_hits_total") == before + 3)
        server.process.send_signal(signal.SIGTERM)
        assert [f.result(60)[0] for f in asked] == [200, 200, 200]
    assert server.process.wait(20) == 0
