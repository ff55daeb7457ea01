"""Strict JSON: whole and in a stream, the same values and the same refusals with the line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from n3d.errors import InputError
from n3d.scene import strict_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


def _expected(value):
    """What a stream of a document yields."""
    if isinstance(value, list):
        return [("", element) for element in value]
    out = []
    for key, member in value.items():
        out += [(key, e) for e in member] if isinstance(member, list) else [(key, member)]
    return out


@given(VALUES)
def test_loads_is_json(value):
    assert strict_json.loads(json.dumps(value)) == value
    assert strict_json.loads(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


@settings(max_examples=60)
@given(
    st.lists(VALUES, max_size=6) | st.dictionaries(st.text(max_size=4), VALUES, max_size=6),
    st.integers(1, 24),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_stream_is_the_whole_at_any_window(tmp_path_factory, value, chunk, indent, ascii):
    path = tmp_path_factory.mktemp("s") / "a.json"
    path.write_text(json.dumps(value, indent=indent, ensure_ascii=ascii), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strict_json, "CHUNK", chunk)
        assert list(strict_json.stream(path)) == _expected(value)


BAD = {
    "repeated key": ('{"a": 1,\n "a": 2}', 2, "duplicate key 'a'"),
    "the right one of many": ('[{"a": 1},\n {"a": 1, "b": 2},\n {"b": 1,\n "b": 2}]', 4, "key 'b'"),
    "escaped alike": ('{"a": 1,\n "\\u0061": 2}', 2, "duplicate key 'a'"),
    "a value that looks like the key": ('[{"a": "b",\n "b": "b",\n "b": 1}]', 3, "key 'b'"),
    "NaN": ("[1,\n\n NaN]", 3, "NaN"),
    "NaN in a text before": ('["NaN",\n NaN]', 2, "NaN"),
    "Infinity": ('{"a": [\nInfinity]}', 2, "Infinity"),
    "-Infinity": ('{"a": {"b":\n-Infinity}}', 2, "-Infinity"),
    "comma at the end": ("[1,\n 2,]", 2, "JSON"),
    "cut": ('{"a": [1, 2,\n 3', 2, "JSON"),
    "cut in a text": ('["abc\\n', 1, "JSON"),
    "extra data": ("[1]\n\n[2]", 3, "JSON"),
    "single quotes": ("{'a': 1}", 1, "JSON"),
    "comment": ("[1, // one\n 2]", 1, "JSON"),
    "control character": ('["a\tb"]', 1, "JSON"),
    "leading zero": ("[01]", 1, "JSON"),
    "plus": ("[+1]", 1, "JSON"),
    "underscore": ("[1_000]", 1, "JSON"),
    "empty": ("", 1, "JSON"),
    "key without value": ('{"a"}', 1, "JSON"),
    "number as key": ("{1: 2}", 1, "JSON"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("chunk", [3, 1 << 20])
def test_refused_with_the_line(tmp_path, monkeypatch, name, chunk):
    text, line, words = BAD[name]
    monkeypatch.setattr(strict_json, "CHUNK", chunk)
    path = tmp_path / "a.json"
    path.write_text(text)
    for read in (strict_json.load, lambda p: list(strict_json.stream(p))):
        with pytest.raises(InputError) as caught:
            read(path)
        assert caught.value.field == f"line {line}", caught.value
        assert words in str(caught.value)
        assert caught.value.file == str(path)


def test_python_takes_what_is_refused_here():
    assert json.loads('{"a": 1, "a": 2}') == {"a": 2}
    assert json.loads("[NaN]") != [0]


def test_encodings(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes('﻿["é"]'.encode())
    assert strict_json.load(path) == ["é"]
    assert list(strict_json.stream(path)) == [("", "é")]
    path.write_bytes(b'["\xff"]')
    for read in (strict_json.load, lambda p: list(strict_json.stream(p))):
        with pytest.raises(InputError) as caught:
            read(path)
        assert caught.value.code == "json-encoding"


def test_depth_is_bounded(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[" * 100_000 + "]" * 100_000)
    for read in (strict_json.load, lambda p: list(strict_json.stream(p))):
        with pytest.raises(InputError) as caught:
            read(path)
        assert caught.value.code == "json-depth"


def test_an_element_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(strict_json, "CHUNK", 1000)
    monkeypatch.setattr(strict_json, "MAX_ELEMENT", 5000)
    path = tmp_path / "a.json"
    path.write_text(json.dumps([["x" * 100] * 40]))
    assert len(list(strict_json.stream(path))) == 1
    path.write_text(json.dumps([["x" * 100] * 400]))
    with pytest.raises(InputError) as caught:
        list(strict_json.stream(path))
    assert caught.value.code == "json-element"


def test_elements_before_a_fault_are_given(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('[1, 2, {"a": NaN}]')
    elements = strict_json.stream(path)
    assert [next(elements), next(elements)] == [("", 1), ("", 2)]
    with pytest.raises(InputError):
        next(elements)


def test_missing_file(tmp_path):
    for read in (strict_json.load, lambda p: list(strict_json.stream(p))):
        with pytest.raises(InputError) as caught:
            read(tmp_path / "none.json")
        assert caught.value.code == "file-unreadable"


def test_huge_whole_numbers(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[" + "9" * 5000 + "]")
    for read in (strict_json.load, lambda p: list(strict_json.stream(p))):
        with pytest.raises(InputError) as caught:
            read(path)
        assert caught.value.code == "json-number"
