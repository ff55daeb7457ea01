"""Shapes of small things, which stand on the floor or on furniture. Sizes are in metres."""

from __future__ import annotations

import numpy as np

from n3d.geometry.pose import axis_rotation
from n3d.synthetic.palette import shaded
from n3d.synthetic.shapes import Paint, Shape

_PAPER = Paint((0.93, 0.91, 0.85))
_SCREEN = Paint((0.10, 0.12, 0.15))


def box(s: Shape, rng: np.random.Generator) -> None:
    large = rng.random() < 0.6
    w, d = rng.uniform(0.25, 0.7, 2) if large else rng.uniform(0.08, 0.25, 2)
    h = rng.uniform(0.2, 0.6) if large else rng.uniform(0.06, 0.22)
    s.box(0, 0, 0, w, h, d)
    if rng.random() < 0.4:
        # Packing tape over the lid, let in so that the extent stays that of the carton.
        s.box(0, h - 0.001, 0, 0.12 * w, 0.002, d, Paint((0.80, 0.72, 0.55)))
    s.stand(0, 0, w - 0.02, d - 0.02, h + 0.001)


def ball(s: Shape, rng: np.random.Generator) -> None:
    w = rng.uniform(0.2, 0.45) if rng.random() < 0.6 else rng.uniform(0.06, 0.2)
    s.ball(0, 0, 0, w, w, w)


def can(s: Shape, rng: np.random.Generator) -> None:
    w = rng.uniform(0.06, 0.09)
    h = w * rng.uniform(1.5, 2.1)
    metal = Paint((0.72, 0.73, 0.75))
    s.tube(0, 0, 0, w * 0.92, h, w * 0.92, metal)
    s.tube(0, h * 0.07, 0, w, h * 0.86, w)


def bottle(s: Shape, rng: np.random.Generator) -> None:
    w = rng.uniform(0.06, 0.09)
    h = w * rng.uniform(3.0, 3.9)
    body, neck = rng.uniform(0.55, 0.65), rng.uniform(0.32, 0.4)
    s.tube(0, 0, 0, w, body * h, w)
    s.tube(0, body * h, 0, w, 0.18 * h, w, top=neck)
    s.tube(0, (body + 0.18) * h, 0, neck * w, (0.75 - body) * h, neck * w)
    s.tube(0, 0.93 * h, 0, neck * w * 1.15, 0.07 * h, neck * w * 1.15, s.trim)
    if rng.random() < 0.5:
        s.tube(0, 0.15 * h, 0, w * 1.01, 0.25 * h, w * 1.01, _PAPER, caps=0)


def mug(s: Shape, rng: np.random.Generator) -> None:
    w, h = rng.uniform(0.075, 0.1), rng.uniform(0.08, 0.12)
    low = rng.uniform(0.8, 1.0)
    s.tube(0, 0, 0, w, h, w, bottom=low, caps=2)
    s.tube(0, 0.006, 0, w * 0.94, h - 0.006, w * 0.94, Paint(shaded(s.main.color, 1.3)),
           bottom=low, caps=2)  # fmt: skip
    thick, reach = 0.012, 0.3 * w
    x = w / 2 + reach / 2 - 0.004
    for y in (0.22 * h, 0.72 * h):
        s.box(x, y, 0, reach + 0.008, thick, thick)
    s.box(w / 2 + reach - 0.006, 0.22 * h, 0, thick, 0.5 * h + thick, thick)


def bowl(s: Shape, rng: np.random.Generator) -> None:
    w = rng.uniform(0.15, 0.32)
    h = w * rng.uniform(0.32, 0.45)
    foot, inside = 0.1 * h, Paint(shaded(s.main.color, 1.25))
    s.tube(0, 0, 0, 0.45 * w, foot, 0.45 * w)
    # Three frusta follow a half ellipse: radius sqrt(1 - (1 - v)^2) at relative height v.
    at = [0.0, 0.15, 0.45, 1.0]
    radius = [0.42, *(float(np.sqrt(1 - (1 - v) ** 2)) for v in at[1:])]
    for a, b, ra, rb in zip(at[:-1], at[1:], radius[:-1], radius[1:], strict=True):
        y, dy = foot + a * (h - foot), (b - a) * (h - foot)
        s.tube(0, y, 0, rb * w, dy, rb * w, bottom=ra / rb, caps=0)
        s.tube(0, y + 0.004, 0, rb * w * 0.97, dy - 0.004, rb * w * 0.97, inside, bottom=ra / rb,
               caps=2 if a == 0 else 0)  # fmt: skip


def vase(s: Shape, rng: np.random.Generator) -> None:
    h = rng.uniform(0.2, 0.45)
    w = h * rng.uniform(0.4, 0.6)
    foot, neck = rng.uniform(0.4, 0.6), rng.uniform(0.3, 0.45)
    s.tube(0, 0, 0, w, 0.4 * h, w, bottom=foot)
    s.tube(0, 0.4 * h, 0, w, 0.35 * h, w, top=neck)
    s.tube(0, 0.75 * h, 0, 1.5 * neck * w, 0.25 * h, 1.5 * neck * w, bottom=1 / 1.5, caps=2)


def plant(s: Shape, rng: np.random.Generator) -> None:
    """A pot with leaves; its colour is that of the leaves."""
    h = rng.uniform(0.6, 1.3) if rng.random() < 0.5 else rng.uniform(0.22, 0.45)
    pot = h * rng.uniform(0.28, 0.36)
    w = pot * rng.uniform(0.85, 1.1)
    clay = (Paint((0.66, 0.38, 0.26)), Paint((0.85, 0.84, 0.8)), s.trim)[rng.integers(3)]
    s.tube(0, 0, 0, w, pot, w, clay, bottom=0.72, caps=2)
    s.tube(0, 0.85 * pot, 0, 0.9 * w, 0.03 * pot, 0.9 * w, Paint((0.2, 0.14, 0.1)))
    s.tube(0, 0.85 * pot, 0, 0.08 * w, h * 0.3, 0.08 * w, Paint((0.4, 0.28, 0.18)))
    leaves = h - pot
    if rng.random() < 0.4:
        for k in range(9):
            turn = axis_rotation(1, k * 2.4 + rng.uniform(-0.2, 0.2))
            turn = turn @ axis_rotation(0, rng.uniform(0.15, 0.65))
            tip = turn[:, 1] * -leaves * 0.5
            paint = Paint(shaded(s.main.color, rng.uniform(0.75, 1.15)))
            s.ball(tip[0], pot * 0.9 - tip[1] - leaves / 2, tip[2], 0.13 * leaves, leaves,
                   0.05 * leaves, paint, turn)  # fmt: skip
        return
    spread = rng.uniform(0.7, 1.0) * leaves
    s.ball(0, pot + 0.1 * leaves, 0, 0.75 * spread, 0.9 * leaves, 0.75 * spread)
    for k in range(5):
        angle = k * 2.4
        x, z = 0.28 * spread * np.cos(angle), 0.28 * spread * np.sin(angle)
        paint = Paint(shaded(s.main.color, rng.uniform(0.75, 1.15)))
        size = rng.uniform(0.4, 0.55) * spread
        y = pot + rng.uniform(0.1, 0.5) * leaves
        s.ball(x, y, z, size, min(size, 0.5 * leaves), size, paint)


def book(s: Shape, rng: np.random.Generator) -> None:
    w, d, h = rng.uniform(0.14, 0.22), rng.uniform(0.2, 0.3), rng.uniform(0.02, 0.055)
    board = 0.004
    s.box(0, 0, 0, w, board, d)
    s.box(0, h - board, 0, w, board, d)
    s.box(-(w - board) / 2, 0, 0, board, h, d)
    s.box(0.0, board, 0, w - 0.012, h - 2 * board, d - 0.012, _PAPER)
    s.stand(0, 0, w, d, h)


def laptop(s: Shape, rng: np.random.Generator) -> None:
    w, d, base = rng.uniform(0.3, 0.38), rng.uniform(0.21, 0.26), 0.018
    s.box(0, 0, 0, w, base, d)
    keys = Paint((0.13, 0.13, 0.14))
    s.box(0, base - 0.001, -0.2 * d, w * 0.88, 0.002, d * 0.42, keys)
    tilt = rng.uniform(0.05, 0.45)
    turn = axis_rotation(0, tilt)  # the lid's top leans away from the user
    lid, thick = d * 0.95, 0.01
    # The hinge is the back edge of the base.
    middle = np.array([0, -base, -d / 2]) + turn @ np.array([0, -lid / 2, -thick / 2])
    s.box(middle[0], -middle[1] - lid / 2, middle[2], w, lid, thick, None, turn)
    face = middle + turn @ np.array([0, 0, thick / 2])
    s.box(face[0], -face[1] - lid * 0.43, face[2], w * 0.92, lid * 0.86, 0.002, _SCREEN, turn)


def monitor(s: Shape, rng: np.random.Generator) -> None:
    w = rng.uniform(0.45, 0.75)
    h, neck, thick = w * rng.uniform(0.56, 0.64), rng.uniform(0.08, 0.15), rng.uniform(0.03, 0.06)
    s.box(0, 0, 0, 0.4 * w, 0.015, 0.18)
    s.box(0, 0.01, -0.03, 0.06, neck + 0.1, 0.03)
    s.box(0, neck, 0, w, h, thick)
    edge = rng.uniform(0.025, 0.045)
    glow = (_SCREEN, Paint((0.45, 0.55, 0.62)))[rng.integers(2)]
    s.box(0, neck + edge, thick / 2, w - 2 * edge, h - 2 * edge, 0.002, glow)


def pillow(s: Shape, rng: np.random.Generator) -> None:
    w, d, h = rng.uniform(0.35, 0.6), rng.uniform(0.32, 0.45), rng.uniform(0.11, 0.18)
    s.ball(0, 0, 0, w, h, d)
    for x in (-1, 1):
        for z in (-1, 1):
            s.ball(x * 0.22 * w, 0.18 * h, z * 0.22 * d, 0.5 * w, 0.64 * h, 0.5 * d)


def teddy_bear(s: Shape, rng: np.random.Generator) -> None:
    """A bear that sits and looks along +z."""
    h = rng.uniform(0.2, 0.55)
    muzzle = Paint(shaded(s.main.color, 1.45))
    s.ball(0, 0, 0, 0.46 * h, 0.55 * h, 0.42 * h)
    s.ball(0, 0.48 * h, 0.02 * h, 0.42 * h, 0.4 * h, 0.38 * h)
    s.ball(0, 0.54 * h, 0.15 * h, 0.2 * h, 0.16 * h, 0.16 * h, muzzle)
    dark = Paint((0.06, 0.06, 0.06))
    s.ball(0, 0.61 * h, 0.215 * h, 0.06 * h, 0.05 * h, 0.04 * h, dark)
    for x in (-1, 1):
        s.ball(x * 0.17 * h, 0.76 * h, 0, 0.16 * h, 0.15 * h, 0.1 * h)
        s.ball(x * 0.09 * h, 0.7 * h, 0.175 * h, 0.05 * h, 0.05 * h, 0.05 * h, dark)
        s.ball(x * 0.25 * h, 0.22 * h, 0.08 * h, 0.16 * h, 0.26 * h, 0.18 * h)
        s.ball(x * 0.17 * h, 0, 0.22 * h, 0.19 * h, 0.18 * h, 0.36 * h)
