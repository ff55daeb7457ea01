from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from n3d.model import orders  # noqa: E402

QWEN = {"merge": 2, "window": 112, "patch": 14}
sides = st.integers(1, 14).map(lambda n: 2 * n)
grids = st.lists(st.tuples(st.just(1), sides, sides), min_size=1, max_size=3).map(torch.tensor)


@pytest.fixture(scope="module")
def golden(shared):
    return json.loads((shared / "golden/pe_alignment.json").read_text())


def test_orders_are_those_of_the_vision_tower(golden):
    for case in golden["orders"]:
        grid = torch.tensor([[1, *case["grid"]]])
        assert orders.windows(grid, **QWEN).tolist() == case["window_index"]
        assert orders.raster_of_windows(grid, **QWEN).tolist() == case["row_to_raster_patch"]


def misalignment(rows: int, columns: int) -> tuple[float, float, float]:
    """Share of patches that get their own coordinate in upstream's order, mean and largest miss."""
    place = orders.raster_of_windows(torch.tensor([[1, rows, columns]]), **QWEN)
    row = torch.arange(rows * columns)
    miss = torch.hypot(
        (place // columns - row // columns).double(), (place % columns - row % columns).double()
    )
    return (miss == 0).double().mean().item(), miss.mean().item(), miss.max().item()


def test_few_patches_get_their_own_coordinate_upstream(golden):
    for case in golden["upstream_misalignment"]:
        share, mean, most = misalignment(*case["grid"])
        assert share == pytest.approx(case["aligned_fraction"], rel=1e-12)
        assert mean == pytest.approx(case["mean_displacement_patches"], rel=1e-12)
        assert most == pytest.approx(case["max_displacement_patches"], rel=1e-12)
        assert share < 0.02


@given(grids)
def test_block_order_holds_squares_of_neighbours(grid):
    start = 0
    raster = orders.raster_of_blocks(grid, 2)
    for _, rows, columns in grid.tolist():
        n = rows * columns
        part = raster[start : start + n] - start
        assert sorted(part.tolist()) == list(range(n))
        corner = part.view(-1, 4)[:, :1]
        assert (part.view(-1, 4) - corner == torch.tensor([0, 1, columns, columns + 1])).all()
        assert (corner[:, 0] // columns % 2 == 0).all()
        start += n
    back = orders.blocks_of_raster(grid, 2)
    assert (raster[back] == torch.arange(len(raster))).all()


@given(grids)
def test_windows_permute_the_blocks_of_each_picture(grid):
    windows = orders.windows(grid, **QWEN)
    start = 0
    for _, rows, columns in grid.tolist():
        n = rows * columns // 4
        assert sorted(windows[start : start + n].tolist()) == list(range(start, start + n))
        start += n


def test_frames_of_a_video_follow_one_another():
    two = orders.raster_of_blocks(torch.tensor([[2, 4, 6]]), 2)
    apart = orders.raster_of_blocks(torch.tensor([[1, 4, 6], [1, 4, 6]]), 2)
    assert (two == apart).all()
