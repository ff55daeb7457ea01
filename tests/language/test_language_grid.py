from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import FormatError
from n3d.language import Scale, grid


def test_every_cell_of_every_grid_comes_back():
    cells = np.arange(grid.CELLS)
    assert (grid.length_cells(grid.lengths(cells)) == cells).all()
    assert (grid.uv_cells(grid.uvs(cells)) == cells).all()
    yaw = np.arange(grid.YAW_CELLS)
    cell, turns = grid.yaw_cells(grid.yaws(yaw))
    assert (cell == yaw).all()
    assert (turns == 0).all()


@given(st.floats(0.01, 100))
def test_lengths_are_off_by_half_a_step_at_most(metres):
    back = grid.lengths(grid.length_cells(metres))
    assert abs(np.log10(back / metres)) <= 0.5 / grid.PER_DECADE + 1e-12


@given(st.floats(-0.5, 1.4999999))
def test_positions_are_off_by_half_a_step_at_most(u):
    assert abs(grid.uvs(grid.uv_cells(u)) - u) <= 1e-4 + 1e-12


@given(st.floats(-10, 10), st.integers(-4, 4))
def test_yaw_is_the_same_after_quarter_turns(yaw, quarters):
    cell, turns = grid.yaw_cells(yaw)
    other, more = grid.yaw_cells(yaw + quarters * np.pi / 2)
    assert cell == other
    assert more - turns == quarters
    back = grid.yaws(cell) + turns * np.pi / 2
    assert abs(back - yaw) <= grid.YAW_STEP / 2 + 1e-7


@pytest.mark.parametrize("metres", [0.0099, 100.01, 0.0, -1.0, np.nan, np.inf])
def test_lengths_outside_are_refused(metres):
    with pytest.raises(FormatError) as caught:
        grid.length_cells(metres)
    assert caught.value.code == "out-of-range"
    assert caught.value.limit == "0.01 to 100 m"


@pytest.mark.parametrize("u", [-0.5001, 1.5, np.nan])
def test_positions_outside_are_refused(u):
    with pytest.raises(FormatError):
        grid.uv_cells([0.5, u])


def test_the_ends_of_the_ranges_are_inside():
    assert grid.length_cells(0.01) == 0
    assert grid.length_cells(100.0) == 9999
    assert grid.uv_cells(-0.5) == 0
    assert grid.uv_cells(np.nextafter(1.5, 0)) == 9999


def test_scale_is_the_median_valid_depth_on_the_grid():
    depth = np.array([0, 0, np.nan, np.inf, 1.0, 2.0, 40.0])
    scale = Scale.of_depth(depth)
    assert abs(scale.metres / 2.0 - 1) < 5e-4
    with pytest.raises(FormatError, match="no valid depth"):
        Scale.of_depth([0.0, np.nan])
    with pytest.raises(FormatError):
        Scale.of_depth([1000.0])
    with pytest.raises(FormatError):
        Scale(-1)


@given(st.integers(0, 10_000), st.integers(0, 9999))
def test_relative_and_absolute_differ_by_an_integer(index, cell):
    scale = Scale(index)
    try:
        relative = int(scale.relative(cell))
    except FormatError:
        assert not 0 <= cell - index + 7500 < 10_000
        return
    assert relative - cell == 7500 - index
    assert scale.absolute(relative) == cell
    # A relative number is the length in scales, times 10 m, on the same grid.
    assert np.isclose(grid.lengths(relative) / 10 * scale.metres, grid.lengths(cell))


def test_relative_numbers_off_the_grid_are_refused():
    with pytest.raises(FormatError, match="Write absolute numbers"):
        Scale.of_length(50).relative(grid.length_cells(0.02))
    with pytest.raises(FormatError, match="leaves the grid"):
        Scale.of_length(50).absolute(9999)
