"""A judge behind a real HTTP server: what it says, what it says badly, and how far it agrees."""

from __future__ import annotations

import json
import random

import pytest

from chat_samples import said, send, serving
from n3d.apps import cli
from n3d.errors import ConfigError
from n3d.pipelines import judging, marking
from n3d.pipelines.judging import Judge

ROWS = [
    {"id": 1, "reference": "1.0 m", "response": "about 1.1 meters", "category": "width"},
    {"id": 2, "reference": "1.0 m", "response": "two metres", "category": "width"},
    {"id": 3, "reference": "yes", "response": "Yes, it is.", "category": "left"},
    {"id": 4, "reference": "yes", "response": "hard to say", "category": "left"},
    {"id": 5, "reference": "no", "response": None, "category": "left"},
]


@pytest.fixture
def replies(tmp_path):
    path = tmp_path / "replies.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in ROWS))
    return path


def run(capsys, *argv) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(["eval", "reasoning", *(str(a) for a in argv)])
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("right", 1),
        ("Wrong.", 0),
        ("**right**", 1),
        ("The answer is 1.1 m, close to 1.0 m.\n\nright", 1),
        ("INCORRECT", 0),
        ("not right", None),
        ("right or wrong", None),
        ("maybe", None),
        ("", None),
    ],
)
def test_a_verdict_is_one_word(reply, verdict):
    assert judging.read(reply) == verdict


def test_kappa_is_the_agreement_beyond_chance():
    assert judging.kappa([]) is None
    assert judging.kappa([(1, 1), (1, 1)]) is None
    assert judging.kappa([(1, 1), (0, 0)]) == 1
    assert judging.kappa([(1, 0), (0, 1)]) == -1
    # Cohen's example of the shape 20, 5, 10, 15: agreement .7, by chance .5.
    pairs = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    assert judging.kappa(pairs) == pytest.approx(0.4)
    rng = random.Random(0)
    drawn = [(int(rng.random() < 0.3), int(rng.random() < 0.6)) for _ in range(20000)]
    assert abs(judging.kappa(drawn)) < 0.03


def test_agreement_and_what_they_differ_in_are_reported(replies, tmp_path, capsys):
    out = tmp_path / "marks.json"
    with serving(said("right")) as server:
        told = (replies, "--judge", server.url, "--judge-model", "m")
        code, text, err = run(capsys, *told, "--json", out, "--judge-cache", tmp_path / "c.jsonl")
        assert (code, err) == (0, "")
        assert len(server.requests) == 4  # nobody judges what was not said
        asked = json.dumps(server.requests)  # in any order: several are open at a time
        assert asked.count("Reference: 1.0 m") == asked.count("Reference: yes") == 2
        # 1 and 3 agree; 2 and 4 do not; 5 has no reply and is wrong for both.
        assert "they agree on 60.0 %" in text
        found = json.loads(out.read_text())["judge"]
        assert (found["judged"], found["apart"]) == (5, 2)
        assert [a["id"] for a in found["first_apart"]] == [2, 4]
        run(capsys, *told, "--json", out, "--judge-cache", tmp_path / "c.jsonl")
        assert len(server.requests) == 4
    plain = marking.reasoning(replies, "n3d-bench")
    assert plain["overall"] == json.loads(out.read_text())["overall"]


def test_failures_are_not_verdicts(replies, monkeypatch):
    monkeypatch.setattr("n3d.experts.endpoints.BACKOFF", 0.0)
    with serving(send("busy", 503)) as server:
        found = marking.reasoning(replies, "n3d-bench", judge=Judge(server.url, "m"))["judge"]
    assert (found["judged"], found["not_judged"]) == (1, 4)
    with serving(send("no", 401)) as server, pytest.raises(ConfigError, match="again"):
        marking.reasoning(replies, "n3d-bench", judge=Judge(server.url, "m"))


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--judge", "http://127.0.0.1:9"], "--judge-model"),
        (["--judge-model", "m"], "--judge-model"),
        (["--judge-cache", "c"], "--judge-cache"),
        (["--judge", "ftp://x", "--judge-model", "m"], "ftp"),
    ],
)
def test_half_a_judge_is_refused(replies, capsys, argv, named):
    code, _, err = run(capsys, replies, *argv)
    assert code == 2
    assert named in err
