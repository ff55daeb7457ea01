"""The commands on data sets, as a user types them: what they say, and what they refuse."""

from __future__ import annotations

import json

import pytest

import room_samples as rooms
from chat_samples import said, serving
from n3d.apps import cli


@pytest.fixture
def n3d(monkeypatch, tmp_path, capsys):
    """Runs a command in an empty folder; (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def command(*argv):
        with pytest.raises(SystemExit) as stop:
            cli.main([str(a) for a in argv])
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return command


@pytest.fixture(scope="module")
def data():
    return rooms.lifted()


def test_rephrase_asks_a_server_and_says_what_is_next(n3d, data):
    with serving(said("What is this?")) as server:
        told = ["rephrase", data["questions"], "--endpoint", server.url, "--model", "m"]
        code, out, _ = n3d(*told, "--out", "other")
        assert code == 0
        assert "next: n3d inspect other" in out
        assert len(server.requests) > 10
    code, out, _ = n3d("inspect", "other", "--json", "-")
    wordings = json.loads(out)["balance"]["by_wording"]
    assert not any("rephrased" in w or "endpoint" in w for w in wordings)
    code, _, err = n3d(*told, "--out", "third", "--timeout", "1", "--cache", "c.jsonl")
    assert code == 2
    assert "Run the same command again" in err


def test_a_dry_run_writes_nothing(n3d, data, tmp_path):
    told = ["lift", "coco", "--annotations", data["annotations"], "--images", data["images"],
            "--depth", f"sensor:{data['depth']}", "--out", "never", "--dry-run"]  # fmt: skip
    code, out, _ = n3d(*told, "--sample", "2", "--json", "-")
    assert code == 0
    found = json.loads(out)
    assert (found["records"], found["sampled"]) == (4, 2)
    assert not (tmp_path / "never").exists()
    code, _, err = n3d(*told, "--sample", "0")
    assert (code, "--sample" in err) == (2, True)
    code, _, err = n3d(*told, "--price", "-1")
    assert (code, "--price" in err) == (2, True)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["export", "QUESTIONS", "--to", "llava", "--out", "x"], "--scenes"),
        (["export", "QUESTIONS", "--to", "llava", "--out", "x", "--scenes", "SCENES"], "--images"),
        (["export", "QUESTIONS", "--to", "lava", "--out", "x", "--scenes", "SCENES", "--images",
          "IMAGES"], "--to"),
        (["export", "SCENES", "--to", "llava", "--out", "x"], "omni3d"),
        (["export", "QUESTIONS", "--to", "llava", "--out", "x", "--scenes", "SCENES", "--images",
          "IMAGES", "--style", "ode"], "--style"),
        (["bench", "SCENES", "--out", "x", "--questions", "3"], "--questions"),
        (["bench", "QUESTIONS", "--out", "x"], "scene"),
        (["ask", "SCENES", "--out", "x", "--located", "3"], "--located"),
        (["ask", "SCENES", "--out", "x", "--where", "moon"], "--where"),
        (["inspect", "SCENES", "--page", "p.html"], "--images"),
        (["inspect", "QUESTIONS", "--page", "p.html", "--images", "IMAGES"], "--scenes"),
        (["rephrase", "QUESTIONS", "--endpoint", "nonsense", "--model", "m", "--out", "x"],
         "address"),
    ],
)  # fmt: skip
def test_mistakes_end_in_one_sentence(n3d, data, argv, said):
    named = {k.upper(): v for k, v in data.items()}
    code, _, err = n3d(*(named.get(a, a) for a in argv))
    assert code == 2, err
    assert err.startswith("n3d: ")
    assert err.count("\n") == 1
    assert said in err
    assert "Traceback" not in err
