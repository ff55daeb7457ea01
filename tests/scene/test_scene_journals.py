"""A journal holds what was added whole, whatever a writer was doing when it was stopped."""

from __future__ import annotations

import pytest

from n3d.errors import ConfigError, InputError
from n3d.scene import journals
from n3d.scene.journals import Journal


def test_what_is_added_is_read_back_in_order(tmp_path):
    made = Journal(tmp_path / "a.jsonl")
    made.add([{"id": "b", "n": 1}, {"id": "ü", "n": 2}])
    made.add([{"id": "c", "n": 3}])
    found = Journal.read(tmp_path / "a.jsonl")
    assert [r["n"] for r in found] == [1, 2, 3] == [r["n"] for r in made]
    assert len(found) == 3
    assert "ü" in found
    assert found["ü"] == {"id": "ü", "n": 2}


def test_a_torn_line_never_happened_wherever_it_was_torn(tmp_path):
    path = tmp_path / "a.jsonl"
    Journal(path).add([{"id": "first", "n": 1}])
    one = path.stat().st_size
    Journal.read(path).add([{"id": "second", "n": 2}])
    whole = path.read_bytes()
    for cut in range(one, len(whole)):
        path.write_bytes(whole[:cut])
        found = Journal.read(path)
        assert len(found) == 1
        found.add([{"id": "second", "n": 2}])
        assert path.read_bytes() == whole


def test_a_header_is_no_record(tmp_path):
    path = tmp_path / "a.jsonl"
    Journal(path).begin({"model": "m"})
    Journal.read(path).add([{"id": "x"}])
    found = Journal.read(path)
    assert (found.header, len(found), found["x"]) == ({"model": "m"}, 1, {"id": "x"})


def test_no_file_is_an_empty_journal(tmp_path):
    assert list(Journal.read(tmp_path / "none.jsonl")) == []


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"id": [1]}', '{"n": 1}', "3", '{"id": "a", "x": NaN}']
)
def test_a_line_that_is_no_record_is_named(tmp_path, line):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"id": "ok"}}\n{line}\n')
    with pytest.raises(InputError, match="line 2") as caught:
        Journal.read(path)
    assert str(path) in str(caught.value)


def test_two_writers_never_share_a_folder(tmp_path):
    with journals.alone(tmp_path / "run.log"):
        with pytest.raises(ConfigError, match="another process"):
            with journals.alone(tmp_path / "run.log"):
                pass
    with journals.alone(tmp_path / "run.log"):
        pass
