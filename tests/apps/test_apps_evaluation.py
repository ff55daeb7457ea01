"""`n3d eval`, run as a user runs it."""

from __future__ import annotations

import json

import pytest

from n3d.apps import cli


def run(capsys, *argv) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main([str(a) for a in argv])
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("eval")


@pytest.fixture
def taken(folder, capsys):
    """Predictions of the oracle for two small scenes, and their report."""
    path, report = folder / "oracle.jsonl", folder / "oracle.json"
    code, out, err = run(
        capsys, "eval", "run", "oracle", "--benchmark", "synthetic", "--limit", 2,
        "--size", "96x72", "--predictions", path, "--json", report,
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "acc25" in out
    return path, json.loads(report.read_text())


def test_run_writes_flat_keys_and_score_gives_the_same(taken, capsys):
    path, report = taken
    assert report["acc25"] == {
        "overall": 1.0,
        "by_kind": dict.fromkeys(("class", "expression", "several"), 1.0),
    }
    assert report["f1_25"]["overall"] == report["joint"]["overall"] == 1.0
    assert report["seeds"][1] - report["seeds"][0] == 1
    assert (report["model"], report["scenes"]) == ("oracle", 2)
    assert "commit" in report
    code, out, err = run(capsys, "eval", "score", path, "--benchmark", "synthetic", "--json", "-")
    assert (code, err) == (0, "")
    assert json.loads(out) == report


def test_a_longer_run_goes_on_with_the_same_file(taken, capsys):
    path, report = taken
    before = len(path.read_text().splitlines())
    code, out, _ = run(
        capsys, "eval", "run", "oracle", "--limit", 3, "--size", "96x72",
        "--predictions", path, "--json", "-",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)["items"]["overall"] > report["items"]["overall"]
    assert len(path.read_text().splitlines()) > before
    code, out, _ = run(capsys, "eval", "score", path, "--limit", 2, "--json", "-")
    assert json.loads(out)["items"] == report["items"]


def test_a_missing_prediction_is_wrong(taken, capsys, tmp_path):
    path, report = taken
    lines = path.read_text().splitlines()
    part = tmp_path / "part.jsonl"
    part.write_text("\n".join(line for line in lines if "/detect" not in line) + "\n")
    code, out, _ = run(capsys, "eval", "score", part, "--json", "-")
    found = json.loads(out)
    assert code == 0
    assert found["faults"] == {"overall": 2, "by_kind": {"missing": 2}}
    assert found["f1_25"]["overall"] == 0
    assert found["items"] == report["items"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--benchmark", "imaginary"], "limit: synthetic"),
        (["--split", "train"], "limit: test, test-shifted, validation"),
        (["--size", "big"], "WIDTHxHEIGHT"),
        (["--size", "4x4"], "16 to"),
    ],
)
def test_a_wrong_option_is_told_in_a_sentence(capsys, options, told):
    code, out, err = run(capsys, "eval", "run", "oracle", "--limit", 1, *options)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_an_oracle_with_noise(capsys):
    argv = ["eval", "run", "oracle:0.05", "--limit", 1, "--size", "96x72", "--json", "-"]
    code, out, _ = run(capsys, *argv)
    found = json.loads(out)
    assert code == 0
    assert found["mean_iou"]["overall"] < 0.9
    assert found["program_right"]["overall"] == 1
    code, _, err = run(capsys, "eval", "run", "oracle:much", "--limit", 1)
    assert code == 2
    assert "noise" in err


def test_files_that_do_not_fit_are_refused(taken, capsys, tmp_path):
    path, _ = taken
    code, _, err = run(
        capsys, "eval", "run", "blind", "--limit", 2, "--size", "96x72", "--predictions", path
    )
    assert code == 2
    assert "model 'oracle', not 'blind'" in err
    code, _, err = run(capsys, "eval", "score", tmp_path / "none.jsonl")
    assert code == 2
    assert "none.jsonl" in err
    other = tmp_path / "other.jsonl"
    other.write_text('{"header": {"benchmark": "synthetic"}}\n')
    code, _, err = run(capsys, "eval", "score", other)
    assert code == 2
    assert "header" in err
    code, _, err = run(capsys, "eval", "run", "oracle", "--predictions", path, "--json", path)
    assert code == 2


@pytest.mark.slow  # loads torch
def test_a_model_that_does_not_exist_is_named(capsys, tmp_path):
    code, _, err = run(capsys, "eval", "run", tmp_path / "no-model", "--limit", 1)
    assert code == 2
    assert "no-model" in err
