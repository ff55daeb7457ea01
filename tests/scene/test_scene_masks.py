"""Masks as COCO run lengths: law against pycocotools, and the malformed ones."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco

from n3d.errors import InputError
from n3d.scene import masks


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_a_mask_comes_back_and_is_what_pycocotools_writes(mask):
    rle = masks.to_rle(mask)
    expected = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    assert rle["counts"].encode() == expected["counts"]
    again = masks.from_rle(rle)
    assert again.dtype == bool
    assert again.flags.c_contiguous
    np.testing.assert_array_equal(again, mask)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**31))
def test_long_runs_come_back(h, w, seed):
    rng = np.random.default_rng(seed)
    mask = np.zeros((h, w), bool)
    y0, x0 = rng.integers(0, h), rng.integers(0, w)
    mask[y0 : rng.integers(y0, h) + 1, x0 : rng.integers(x0, w) + 1] = True
    np.testing.assert_array_equal(masks.from_rle(masks.to_rle(mask)), mask)


@given(st.text(alphabet=st.characters(min_codepoint=40, max_codepoint=120), max_size=12))
def test_any_text_is_a_mask_or_an_input_error(text):
    with contextlib.suppress(InputError):
        mask = masks.from_rle({"size": [7, 5], "counts": text})
        assert mask.shape == (7, 5)
        np.testing.assert_array_equal(masks.from_rle(masks.to_rle(mask)), mask)


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [10, 10], "counts": ""},
        {"size": [10, 10], "counts": "5"},  # five pixels: pycocotools returns raw memory
        {"size": [10, 10], "counts": "d3P"},
        {"size": [10, 10], "counts": "ooooooooo0"},
        {"size": [10, 10], "counts": [100]},
        {"size": [10, 10], "counts": "\N{PILE OF POO}"},
        {"size": [10, 10], "counts": None},
        {"size": [0, 10], "counts": "0"},
        {"size": [1 << 20, 1 << 20], "counts": "0"},
        {"size": [10.0, 10], "counts": "T3"},
        {"size": [10], "counts": "T3"},
        {"counts": "T3"},
    ],
)
def test_malformed_run_lengths_are_refused(rle):
    with pytest.raises(InputError) as e:
        masks.from_rle(rle)
    assert e.value.code == "mask-rle"


def test_the_known_bad_run_lengths_are_refused(shared):
    for case in json.loads((shared / "golden/rle_bad.json").read_text())["cases"]:
        size, counts = case["rle"]["size"], case["rle"]["counts"]
        text = coco.frPyObjects({"size": size, "counts": counts}, *size)["counts"].decode()
        with pytest.raises(InputError):
            masks.from_rle({"size": size, "counts": text})
