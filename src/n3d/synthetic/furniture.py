"""Shapes of things that stand on the floor. Sizes are in metres, as furniture is sold.

Every function adds parts to a Shape: +x right, +z the side it faces, heights from the floor.
"""

from __future__ import annotations

import numpy as np

from n3d.geometry.pose import axis_rotation
from n3d.synthetic.palette import shaded
from n3d.synthetic.shapes import Paint, Shape


def legs(s: Shape, w, d, h, thick, paint: Paint, *, inset: float = 0.0, round_: bool) -> None:
    """Four legs of height h under the corners of a w x d plate."""
    add = s.tube if round_ else s.box
    x, z = (w - thick) / 2 - inset, (d - thick) / 2 - inset
    for sx in (-1, 1):
        for sz in (-1, 1):
            add(sx * x, 0, sz * z, thick, h, thick, paint)


def table(s: Shape, rng: np.random.Generator) -> None:
    low = rng.random() < 0.3
    w = rng.uniform(0.7, 1.2) if low else rng.uniform(0.9, 1.8)
    d = rng.uniform(0.5, 0.75) if low else rng.uniform(0.65, 1.0)
    h = rng.uniform(0.36, 0.48) if low else rng.uniform(0.68, 0.78)
    plate = rng.uniform(0.025, 0.06)
    under = s.main if rng.random() < 0.6 else s.trim
    if rng.random() < 0.3:
        d = w = min(w, 1.3)
        s.tube(0, h - plate, 0, w, plate, d)
        s.tube(0, 0.03, 0, 0.1, h - plate - 0.03, 0.1, under)
        s.tube(0, 0, 0, 0.55 * w, 0.04, 0.55 * w, under, top=0.8)
        s.stand(0, 0, 0.69 * w, 0.69 * d, h)
        return
    s.box(0, h - plate, 0, w, plate, d)
    legs(s, w, d, h - plate, rng.uniform(0.04, 0.08), under, inset=rng.uniform(0, 0.06),
         round_=rng.random() < 0.4)  # fmt: skip
    if rng.random() < 0.4:
        s.box(0, h - plate - 0.08, 0, w - 0.16, 0.08, d - 0.16, under)
    s.stand(0, 0, w - 0.04, d - 0.04, h)


def chair(s: Shape, rng: np.random.Generator) -> None:
    w, d = rng.uniform(0.40, 0.52), rng.uniform(0.40, 0.50)
    seat, back = rng.uniform(0.42, 0.48), rng.uniform(0.38, 0.52)
    plate = rng.uniform(0.03, 0.07)
    under = s.main if rng.random() < 0.5 else s.trim
    if rng.random() < 0.25:
        s.tube(0, 0.09, 0, 0.06, seat - plate - 0.09, 0.06, s.trim)
        for k in range(5):
            turn = axis_rotation(1, 2 * np.pi * k / 5)
            x, z = turn[[0, 2], 2] * 0.13
            s.box(x, 0.05, z, 0.05, 0.04, 0.26, s.trim, turn)
            s.ball(1.8 * x, 0, 1.8 * z, 0.06, 0.06, 0.06, s.trim)
    else:
        legs(s, w, d, seat - plate, rng.uniform(0.03, 0.05), under, round_=rng.random() < 0.5)
    s.box(0, seat - plate, 0, w, plate, d)
    behind = -(d / 2 - 0.02)
    if rng.random() < 0.6:
        s.box(0, seat, behind, w, back, 0.04)
    else:
        for x in (-1, 1):
            s.box(x * (w / 2 - 0.02), seat, behind, 0.04, back, 0.04)
        s.box(0, seat + back * 0.45, behind, w - 0.06, back * 0.5, 0.025)
    if rng.random() < 0.25:
        for x in (-1, 1):
            s.box(x * (w / 2 - 0.025), seat + 0.18, 0.02, 0.05, 0.03, d - 0.08, under)
            s.box(x * (w / 2 - 0.025), seat, d / 2 - 0.06, 0.05, 0.18, 0.04, under)
        w -= 0.1
    s.stand(0, 0.02, w - 0.04, d - 0.06, seat)


def sofa(s: Shape, rng: np.random.Generator) -> None:
    w, d = rng.uniform(1.3, 2.3), rng.uniform(0.8, 1.0)
    h, seat = rng.uniform(0.75, 0.95), rng.uniform(0.38, 0.46)
    arm, back, foot = rng.uniform(0.12, 0.22), rng.uniform(0.18, 0.26), rng.uniform(0.03, 0.1)
    legs(s, w, d, foot, 0.06, s.trim, inset=0.05, round_=True)
    cushion = 0.14
    s.box(0, foot, 0, w, seat - cushion - foot, d)
    s.box(0, seat - cushion, -(d - back) / 2, w, h - seat + cushion, back)
    for x in (-1, 1):
        s.box(x * (w - arm) / 2, seat - cushion, back / 2, arm, 0.3, d - back)
    inner, n = w - 2 * arm, 2 if w < 1.8 else 3
    soft = Paint(shaded(s.main.color, 1.1), s.main.accent, s.main.pattern, s.main.period)
    # What shows in the seams between the cushions.
    seam = Paint(shaded(s.main.color, 0.6))
    s.box(0, seat - cushion, back / 2, inner, cushion - 0.003, d - back - 0.02, seam)
    for k in range(n):
        x = (k - (n - 1) / 2) * inner / n
        s.box(x, seat - cushion, back / 2, inner / n - 0.015, cushion, d - back - 0.01, soft)
    s.stand(0, back / 2, inner - 0.05, d - back - 0.06, seat)


def bed(s: Shape, rng: np.random.Generator) -> None:
    w, d = rng.uniform(0.9, 1.8), rng.uniform(1.9, 2.1)
    h, head = rng.uniform(0.42, 0.58), rng.uniform(0.75, 1.1)
    frame = h * rng.uniform(0.45, 0.6)
    legs(s, w, d, 0.12, 0.07, s.trim, round_=False)
    s.box(0, 0.12, 0, w, frame - 0.12, d, s.trim)
    s.box(0, 0.12, -d / 2 + 0.03, w, head - 0.12, 0.06)
    sheet = Paint((0.9, 0.89, 0.86))
    s.box(0, frame, 0.03, w - 0.04, h - frame - 0.02, d - 0.1, sheet)
    cover = rng.uniform(0.62, 0.72) * d
    s.box(0, frame + 0.02, d / 2 - cover / 2, w, h - frame - 0.02, cover)
    n = 1 if w < 1.2 else 2
    for k in range(n):
        x = (k - (n - 1) / 2) * w / n
        s.ball(x, h - 0.04, -d / 2 + 0.28, min(0.8 * w / n, 0.65), 0.16, 0.38, sheet)
    s.stand(0, d / 2 - cover / 2, w - 0.1, cover - 0.1, h)


def shelf(s: Shape, rng: np.random.Generator) -> None:
    w, d, h = rng.uniform(0.6, 1.2), rng.uniform(0.25, 0.40), rng.uniform(0.8, 1.9)
    board = rng.uniform(0.018, 0.03)
    for x in (-1, 1):
        s.box(x * (w - board) / 2, 0, 0, board, h, d)
    if rng.random() < 0.7:
        s.box(0, 0.02, -(d - 0.01) / 2, w - 2 * board, h - 0.02, 0.01,
              Paint(shaded(s.main.color, 0.75)))  # fmt: skip
    levels = max(2, round((h - 0.1) / 0.36))
    for k in range(levels + 1):
        y = 0.05 + k * (h - 0.05 - board) / levels
        s.box(0, y, 0.01, w - 2 * board, board, d - 0.02)
        room = (h - 0.05 - board) / levels - board
        top = k == levels
        s.stand(0, 0.01, w - 2 * board - 0.04, d - 0.05, y + board, np.inf if top else room - 0.02)


def cabinet(s: Shape, rng: np.random.Generator) -> None:
    w, d, h = rng.uniform(0.6, 1.3), rng.uniform(0.36, 0.55), rng.uniform(0.75, 1.7)
    plinth = rng.uniform(0.04, 0.1)
    s.box(0, 0, -0.02, w - 0.04, plinth, d - 0.06, s.trim)
    s.box(0, plinth, -0.01, w, h - plinth, d - 0.02)
    doors = 1 if w < 0.5 else 2
    leaf = Paint(shaded(s.main.color, 0.85), s.main.accent, s.main.pattern, s.main.period)
    for k in range(doors):
        x = (k - (doors - 1) / 2) * w / doors
        s.box(x, plinth + 0.02, d / 2 - 0.01, w / doors - 0.025, h - plinth - 0.04, 0.016, leaf)
        inner = x + (0.5 - k) * 2 * (w / doors / 2 - 0.06) if doors == 2 else x + w / 2 - 0.07
        s.box(inner, h * 0.5, d / 2 + 0.008, 0.02, min(0.16, h * 0.2), 0.03, s.trim)
    s.stand(0, -0.01, w - 0.04, d - 0.06, h)


def night_stand(s: Shape, rng: np.random.Generator) -> None:
    w, d, h = rng.uniform(0.38, 0.55), rng.uniform(0.34, 0.45), rng.uniform(0.45, 0.65)
    foot = rng.uniform(0.08, 0.18)
    legs(s, w, d - 0.02, foot, 0.045, s.trim, inset=0.01, round_=rng.random() < 0.5)
    s.box(0, foot, -0.01, w, h - foot, d - 0.02)
    n = 2 if h - foot > 0.3 and rng.random() < 0.7 else 1
    each = (h - foot - 0.03) / n
    face = Paint(shaded(s.main.color, 0.82))
    for k in range(n):
        y = foot + 0.015 + k * each
        s.box(0, y + 0.01, d / 2 - 0.01, w - 0.05, each - 0.02, 0.016, face)
        s.ball(0, y + each / 2 - 0.018, d / 2 + 0.01, 0.036, 0.036, 0.036, s.trim)
    s.stand(0, -0.01, w - 0.04, d - 0.06, h)


def stool(s: Shape, rng: np.random.Generator) -> None:
    w, h = rng.uniform(0.3, 0.42), rng.uniform(0.42, 0.75)
    plate = rng.uniform(0.03, 0.08)
    s.tube(0, h - plate, 0, w, plate, w)
    if rng.random() < 0.3:
        s.tube(0, 0.02, 0, 0.05, h - plate - 0.02, 0.05, s.trim)
        s.tube(0, 0, 0, w * 1.05, 0.03, w * 1.05, s.trim, top=0.85)
    else:
        under = s.trim if rng.random() < 0.6 else s.main
        splay = rng.uniform(0.08, 0.2)
        length = (h - plate) / np.cos(splay)
        for k in range(4):
            turn = axis_rotation(1, np.pi / 4 + k * np.pi / 2) @ axis_rotation(0, splay)
            out = turn[[0, 2], 1] * length / 2 + turn[[0, 2], 2] * 0.28 * w
            s.tube(out[0], (h - plate - length) / 2, out[1], 0.035, length, 0.035, under, turn)
    s.stand(0, 0, 0.68 * w, 0.68 * w, h)


def lamp(s: Shape, rng: np.random.Generator) -> None:
    h = rng.uniform(1.2, 1.7) if rng.random() < 0.5 else rng.uniform(0.35, 0.6)
    tall = h > 1
    shade_w = rng.uniform(0.3, 0.45) if tall else rng.uniform(0.5, 0.75) * h
    shade_h = rng.uniform(0.2, 0.32) if tall else rng.uniform(0.35, 0.45) * h
    base = shade_w * rng.uniform(0.6, 0.8)
    s.tube(0, 0, 0, base, 0.025, base, s.trim, top=0.85)
    if tall:
        s.tube(0, 0.02, 0, 0.03, h - 0.1, 0.03, s.trim)
    else:
        s.ball(0, 0.015, 0, 0.6 * base, h - shade_h - 0.03, 0.6 * base, s.trim)
        s.tube(0, h * 0.3, 0, 0.02, h * 0.6, 0.02, s.trim)
    s.tube(0, h - shade_h, 0, shade_w, shade_h, shade_w, top=rng.uniform(0.5, 0.85), caps=0)


def trash_bin(s: Shape, rng: np.random.Generator) -> None:
    w, h = rng.uniform(0.22, 0.36), rng.uniform(0.28, 0.55)
    low = rng.uniform(0.68, 0.85)
    s.tube(0, 0, 0, w * 0.97, h, w * 0.97, bottom=low, caps=2)
    s.tube(0, 0.01, 0, w * 0.94, h - 0.01, w * 0.94, Paint(shaded(s.main.color, 0.5)),
           bottom=low, caps=2)  # fmt: skip
    s.tube(0, h - 0.025, 0, w, 0.025, w, Paint(shaded(s.main.color, 0.8)), caps=0)


def cone(s: Shape, rng: np.random.Generator) -> None:
    h = rng.uniform(0.28, 0.75)
    w = h * rng.uniform(0.5, 0.65)
    foot = 0.05 * h
    s.box(0, 0, 0, w, foot, w)
    r, tip = 0.78 * w, 0.12
    s.tube(0, foot, 0, r, h - foot, r, top=tip)
    band = Paint((0.93, 0.93, 0.93))
    for low, high in ((0.35, 0.5), (0.66, 0.78))[: 1 + (rng.random() < 0.5)]:
        # The band hugs the cone: its radii are the cone's at these heights, plus a little.
        at = [r * (1 - (1 - tip) * v) * 1.02 for v in (low, high)]
        s.tube(0, foot + low * (h - foot), 0, at[0], (high - low) * (h - foot), at[0], band,
               top=at[1] / at[0], caps=0)  # fmt: skip


def suitcase(s: Shape, rng: np.random.Generator) -> None:
    w, d, h = rng.uniform(0.36, 0.5), rng.uniform(0.2, 0.3), rng.uniform(0.45, 0.7)
    wheel = 0.05
    for x in (-1, 1):
        for z in (-1, 1):
            s.ball(x * (w / 2 - 0.05), 0, z * (d / 2 - 0.04), wheel, wheel, wheel, s.trim)
    s.box(0, wheel * 0.8, 0, w, h, d - 0.016)
    rib = Paint(shaded(s.main.color, 0.8))
    for k in range(5):
        s.box((k - 2) * w / 6, wheel + 0.05, 0, 0.025, h - 0.1, d, rib)
    top, up = wheel * 0.8 + h, rng.uniform(0.08, 0.4)
    for x in (-1, 1):
        s.box(x * 0.09, top, -d / 4, 0.02, up, 0.02, s.trim)
    s.box(0, top + up, -d / 4, 0.2, 0.03, 0.03, s.trim)
