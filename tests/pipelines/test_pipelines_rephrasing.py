"""Questions in other words, from a real server that misbehaves: nothing is lost or changed."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

import room_samples as rooms
from chat_samples import cut_short, hang_up, said, send, serving
from n3d.errors import ConfigError, InputError
from n3d.experts import endpoints
from n3d.pipelines import inspecting, rephrasing
from n3d.reason import surviving
from n3d.scene import shards

QUESTION = re.compile(r"Question: (.*)")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(endpoints, "BACKOFF", 0.001)
    monkeypatch.setattr(endpoints, "MAX_WAIT", 0.02)
    monkeypatch.delenv(endpoints.KEY_VARIABLE, raising=False)


@pytest.fixture(scope="module")
def questions() -> Path:
    return rooms.lifted()["questions"]


def polite(question: str) -> str:
    """Other words that mean the same."""
    return f"Please tell: {question}" if question[0].isupper() else question


class Model:
    """Answers a question as its ways say, the n-th time by the n-th of them."""

    def __init__(self, *ways) -> None:
        self.ways, self.seen, self.open, self.most = ways, Counter(), 0, 0
        self.lock = threading.Lock()

    def __call__(self, handler) -> None:
        question = QUESTION.search(handler.told["messages"][-1]["content"])[1]
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
            way = self.ways[self.seen[question] % len(self.ways)]
            self.seen[question] += 1
        try:
            way(question)(handler)
        finally:
            with self.lock:
                self.open -= 1


def run(questions, out, *ways, **options):
    """A run against a server; its model, and the questions that came of it."""
    model = Model(*ways)
    with serving(model) as server:
        options = {"at_once": 1, "progress": False, **options}
        report = rephrasing.rephrase(questions, out, endpoint=server.url, model="m", **options)
    return model, report, list(shards.read(out))


def test_what_means_the_same_is_taken(questions, tmp_path):
    before = list(shards.read(questions))
    _, report, found = run(questions, tmp_path / "out", lambda q: said(polite(q)))
    assert report.kept == len(before) == len(found)
    taken = 0
    for old, new in zip(before, found, strict=True):
        assert (old.id, old.kind, old.answer, old.trace) == (
            new.id, new.kind, new.answer, new.trace
        )  # fmt: skip
        if new.question == old.question:
            assert new.attributes["kept"] in ("form", "meaning", "relations")
        else:
            taken += 1
            assert new.question == polite(old.question)
            assert new.attributes["template"] == old.question
    assert taken > 0.7 * len(before)
    told = inspecting.facts(tmp_path / "out")["balance"]["by_wording"]
    assert told["rephrased"] == taken
    assert sum(told.values()) == len(before)


def test_what_a_server_does_wrong_keeps_the_template(questions, tmp_path):
    def numbers(q):
        return said(q.rstrip("?.") + " within 3 m?")

    def other(q):
        return said(re.sub(r"\b(the|of|all) \w+", "the walrus", q))

    ways = [
        numbers, other, lambda q: send("{broken"), lambda q: send('{"choices": []}'),
        lambda q: said("<think>hm</think>"), lambda q: hang_up, lambda q: cut_short,
        lambda q: send("busy", 429, Retry_After="0.01"), lambda q: send("down", 503),
        lambda q: said("I cannot help with that."), lambda q: said(f"{q}\n{q}" * 50),
    ]  # fmt: skip
    turn = iter(range(10**6))
    kinds = [ways[next(turn) % len(ways)] for _ in range(1000)]
    place = {qa.question: kinds[i] for i, qa in enumerate(shards.read(questions))}
    _, report, found = run(questions, tmp_path / "out", lambda q: place[q](q))
    before = {qa.id: qa for qa in shards.read(questions)}
    assert report.kept == len(before)
    assert report.dropped == 0
    for qa in found:
        old = before[qa.id]
        assert surviving.lost(old, qa.question) is None
        if qa.question == old.question:
            assert qa.attributes["kept"]
    why = Counter(qa.attributes.get("kept", "") for qa in found)
    assert {"numbers", "objects", "endpoint-json", "endpoint-choices", "endpoint-broken",
            "endpoint-http"} <= set(why)  # fmt: skip


def test_a_server_that_is_busy_is_asked_again(questions, tmp_path):
    busy = [lambda q: send("busy", 429, Retry_After="0.01"), lambda q: said(polite(q))]
    model, _, found = run(questions, tmp_path / "out", *busy)
    assert all(n % 2 == 0 for n in model.seen.values())
    assert not any(q.attributes.get("kept", "").startswith("endpoint") for q in found)


def test_a_slow_server_is_left_after_its_time(questions, tmp_path, monkeypatch):
    def stuck(q):
        def act(handler):
            time.sleep(0.25)

        return act

    monkeypatch.setattr(rephrasing, "MOST_FAILURES", 2)
    with pytest.raises(ConfigError, match="does not answer") as e:
        run(questions, tmp_path / "out", stuck, timeout=0.05)
    assert e.value.code == "endpoint-lost"
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_server_that_refuses_ends_the_run_at_once_and_a_rerun_goes_on(questions, tmp_path):
    with pytest.raises(ConfigError, match="refuses the key") as e:
        run(questions, tmp_path / "out", lambda q: send("no", 401))
    assert e.value.code == "endpoint-lost"
    assert "Run the same command again" in e.value.hint
    _, report, _ = run(questions, tmp_path / "out", lambda q: said(polite(q)))
    assert report.kept == len(list(shards.read(questions)))


def test_nothing_is_asked_twice_and_requests_in_flight_change_no_byte(questions, tmp_path):
    first, _, _ = run(questions, tmp_path / "one", lambda q: said(polite(q)))
    cache = tmp_path / "one.replies.jsonl"
    second, _, _ = run(questions, tmp_path / "two", lambda q: said("changed"), cache=cache)
    assert first.seen
    assert not second.seen

    def unhurried(q):
        def act(handler):
            time.sleep(0.02)
            said(polite(q))(handler)

        return act

    many, _, _ = run(questions, tmp_path / "many", unhurried, at_once=6)
    assert many.most > 1
    assert rooms.tree(tmp_path / "one") == rooms.tree(tmp_path / "many")
    assert rooms.tree(tmp_path / "one") == rooms.tree(tmp_path / "two")
    lines = cache.read_text().splitlines()
    cache.write_text("\n".join(lines[:-3]) + '\n{"id": "cut')  # killed inside a line
    third, _, _ = run(questions, tmp_path / "three", lambda q: said(polite(q)), cache=cache)
    assert third.seen.total() == 3
    assert rooms.tree(tmp_path / "three") == rooms.tree(tmp_path / "one")


def test_options_have_limits(questions, tmp_path):
    common = {"endpoint": "http://127.0.0.1:9", "model": "m", "progress": False}
    with pytest.raises(ConfigError, match="at_once"):
        rephrasing.rephrase(questions, tmp_path / "x", at_once=0, **common)
    with pytest.raises(InputError, match="no manifest"):
        rephrasing.rephrase(tmp_path, tmp_path / "x", **common)
    with pytest.raises(InputError, match="address"):
        rephrasing.rephrase(questions, tmp_path / "x", **{**common, "endpoint": "ftp://x"})
    assert not list(tmp_path.iterdir())
