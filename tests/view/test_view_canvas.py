"""Shapes: exact coverage, nothing beyond the picture, convex clipping by law."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.view import canvas, palette

WHITE = (255, 255, 255)
number = st.floats(-60, 120, allow_nan=False)


def black(width=64, height=48):
    return canvas.blank(width, height, (0, 0, 0))


@given(number, number, number, number, st.floats(0.5, 9))
def test_a_line_covers_what_lies_within_half_its_width(ax, ay, bx, by, width):
    pixels = black()
    canvas.line(pixels, (ax, ay), (bx, by), WHITE, width)
    y, x = np.mgrid[:48, :64] + 0.5
    d = np.array([bx - ax, by - ay])
    t = ((x - ax) * d[0] + (y - ay) * d[1]) / max(d @ d, 1e-12)
    t = np.clip(t, 0, 1)
    distance = np.hypot(x - ax - t * d[0], y - ay - t * d[1])
    expected = np.clip(width / 2 + 0.5 - distance, 0, min(width, 1)) * 255
    # Where a line enters the picture its cut end is round, one line width outside.
    assert np.abs(pixels[..., 0] - expected).max() <= 2


def test_a_line_from_far_away_stays_on_course():
    pixels = black()
    canvas.line(pixels, (-1e6, -1e6 + 3), (1e6, 1e6 + 3), WHITE, 2)
    rows, columns = np.nonzero(pixels[..., 0] > 200)
    assert len(rows) > 40
    assert np.abs(rows - columns - 3).max() <= 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_line_without_a_place_draws_nothing(bad):
    pixels = black()
    canvas.line(pixels, (0, 0), (bad, 5), WHITE, 2)
    assert not pixels.any()


def test_a_dashed_line_has_gaps_and_strokes():
    pixels = black(200, 9)
    canvas.line(pixels, (0, 4.5), (200, 4.5), WHITE, 3, dash=(10, 10))
    lit = pixels[4, :, 0] > 128
    assert 0.4 < lit.mean() < 0.6
    assert np.count_nonzero(np.diff(lit.astype(int))) >= 18


@given(st.lists(st.tuples(number, number), min_size=3, max_size=3), st.floats(0.1, 1))
def test_polygons_touch_only_their_inside(points, alpha):
    pixels = black()
    canvas.polygon(pixels, np.array(points), WHITE, alpha)
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    rows, columns = np.nonzero(pixels[..., 0])
    assert (columns + 1 >= low[0] - 1).all()
    assert (columns <= high[0] + 1).all()
    assert (rows + 1 >= low[1] - 1).all()
    assert (rows <= high[1] + 1).all()


def test_polygon_area():
    pixels = black()
    canvas.polygon(pixels, np.array([[10, 10], [40, 10], [40, 30], [10, 30]]), WHITE, 1.0)
    assert np.count_nonzero(pixels[..., 0]) == pytest.approx(600, rel=0.06)


def test_rounded_rectangles_cover_their_area_and_leave_their_corners():
    pixels = black()
    canvas.rounded(pixels, (10, 10, 40, 30), 6, WHITE)
    area = 600 - (4 - np.pi) * 36
    assert pixels[..., 0].sum() / 255 == pytest.approx(area, rel=0.01)
    assert pixels[10, 10, 0] == 0


def _area(points):
    x, y = np.asarray(points).T
    return abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


@given(st.lists(st.tuples(number, number), min_size=3, max_size=3), st.floats(-50, 110))
def test_the_two_halves_of_a_cut_triangle_make_the_whole(points, limit):
    points = np.array(points)
    left = canvas.clip_convex(points, limit - points[:, 0])
    right = canvas.clip_convex(points, points[:, 0] - limit)
    total = sum(_area(p) for p in (left, right) if len(p) >= 3)
    assert total == pytest.approx(_area(points), abs=1e-6 * (1 + _area(points)))


@given(number, number, number, number)
def test_clipped_segments_lie_within_the_bounds(ax, ay, bx, by):
    cut = canvas.clip_segment((ax, ay), (bx, by), (0, 0, 64, 48))
    t = np.linspace(0, 1, 101)
    x, y = ax + t * (bx - ax), ay + t * (by - ay)
    seen = ((x > 1e-6) & (x < 64 - 1e-6) & (y > 1e-6) & (y < 48 - 1e-6)).any()
    assert not (seen and cut is None)
    for x, y in cut or ():
        assert -1e-6 <= x <= 64 + 1e-6
        assert -1e-6 <= y <= 48 + 1e-6


def test_neighbouring_colours_stay_apart_for_colour_blind_readers():
    # Simulations of Vienot, Brettel and Mollon (1999) for protanopia and deuteranopia, linear RGB.
    views = {
        "protan": [[0.112, 0.888, 0.0], [0.112, 0.888, 0.0], [0.004, -0.004, 1.0]],
        "deutan": [[0.293, 0.707, 0.0], [0.293, 0.707, 0.0], [-0.022, 0.022, 1.0]],
    }
    first = (np.array(palette.COLOURS[:7]) / 255) ** 2.2
    for matrix in views.values():
        seen = np.clip(first @ np.array(matrix).T, 0, 1) ** (1 / 2.2)
        apart = np.linalg.norm(seen[:, None] - seen, axis=-1) + 9 * np.eye(len(seen))
        assert apart.min() > 0.1


def test_ink_is_legible_on_every_colour():
    assert all(palette.contrast(palette.ink_on(c), c) >= 4.5 for c in palette.COLOURS)


def test_label_colours_follow_the_spelling_and_stay_apart():
    chair, table = palette.of_labels(["chair", "table"])
    assert palette.of_labels(["table", "Chair ", "table"]) == [table, chair, table]
    many = [f"thing {i}" for i in range(len(palette.COLOURS))]
    assert len(set(palette.of_labels(many))) == len(many)
    assert len(palette.of_labels([*many, "one more"])) == len(many) + 1
