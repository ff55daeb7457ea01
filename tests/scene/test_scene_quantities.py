from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from n3d.errors import TraceError
from n3d.scene import Quantity, quantities
from n3d.scene.traces import UNITS

QUANTITIES = st.builds(
    Quantity,
    st.one_of(st.floats(-1e5, 1e5), st.integers(-1000, 1000).map(float), st.floats(-2, 2)),
    st.sampled_from(UNITS),
)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.5649, "m", "1.56 m"),
        (2.1, "m", "2.10 m"),
        (12.345, "m", "12.35 m"),
        (0.1562, "m", "0.156 m"),
        (0.01562, "m3", "0.0156 m3"),
        (0.9996, "m", "1.00 m"),
        (0.09996, "m", "0.100 m"),
        (0.0, "m", "0.00 m"),
        (-0.0, "m", "0.00 m"),
        (-0.25, "m", "-0.250 m"),
        (4e-7, "m", "0.00 m"),
        (1.23e-6, "m2", "0.000001 m2"),
        (math.radians(31.21), "rad", "31.2 deg"),
        (math.radians(-0.04), "rad", "0.0 deg"),
        (11.0, "h", "11 o'clock"),
        (11.38, "h", "11.4 o'clock"),
        (3.0, "1", "3"),
        (1.35, "1", "1.35"),
        (1.998, "1", "2"),
        (0.2, "1", "0.200"),
    ],
)
def test_known_texts(value, unit, text):
    assert quantities.write(Quantity(value, unit)) == text
    assert quantities.write(quantities.read(text)) == text


@given(QUANTITIES)
@example(Quantity(0.99951, "m"))
@example(Quantity(9.9999e-5, "1"))
@example(Quantity(0.005, "1"))
def test_rounding_is_within_the_resolution_and_happens_once(quantity):
    text = quantities.write(quantity)
    back = quantities.read(text)
    assert back == quantities.rounded(quantity)
    assert quantities.write(back) == text
    assert back.unit == quantity.unit
    half = quantities.resolution(quantity)
    assert abs(back.value - quantity.value) <= half * (1 + 1e-9)


@given(QUANTITIES)
def test_small_numbers_keep_three_digits(quantity):
    if quantity.unit in ("m", "m2", "m3", "1") and abs(quantity.value) >= 1e-4:
        back = quantities.rounded(quantity)
        assert abs(back.value / quantity.value - 1) <= 5.1e-3


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e7, -1e30])
def test_what_has_no_text_is_refused(value):
    with pytest.raises(TraceError):
        quantities.write(Quantity(value, "m"))


@pytest.mark.parametrize(
    "text",
    ["", "m", "1.5 cm", "1e5 m", "1_000", "٣", "1.5m", ".5 m", "+1 m", "1. m", "nan", "1 m "],
)
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(TraceError):
        quantities.read(text)
