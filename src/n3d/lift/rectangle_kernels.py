"""Compiled loops of rectangle segmentation: a grid of cells, its edges, cheapest paths."""

from __future__ import annotations

import numba as nb
import numpy as np

_options = {"cache": True, "error_model": "numpy"}


@nb.njit(**_options)
def grid(depth, image, top, left, cell, near, far, w, color):
    """Mean inverse depth (0 where none) and mean colour of every cell."""
    rows, columns = w.shape
    for i in range(rows):
        for j in range(columns):
            total = 0.0
            count = 0
            red = green = blue = 0.0
            pixels = 0
            for y in range(top + i * cell, min(top + (i + 1) * cell, depth.shape[0])):
                for x in range(left + j * cell, min(left + (j + 1) * cell, depth.shape[1])):
                    z = depth[y, x]
                    if near < z < far:
                        total += 1.0 / z
                        count += 1
                    red += image[y, x, 0]
                    green += image[y, x, 1]
                    blue += image[y, x, 2]
                    pixels += 1
            w[i, j] = total / count if count else 0.0
            if pixels:
                color[i, j, 0] = red / pixels
                color[i, j, 1] = green / pixels
                color[i, j, 2] = blue / pixels


@nb.njit(**_options)
def fill(w, rounds):
    """Give empty cells the mean of their filled neighbours, ring by ring."""
    rows, columns = w.shape
    for _ in range(rounds):
        before = w.copy()
        empty = 0
        for i in range(rows):
            for j in range(columns):
                if before[i, j] > 0:
                    continue
                total = 0.0
                count = 0
                for y in range(max(0, i - 1), min(rows, i + 2)):
                    for x in range(max(0, j - 1), min(columns, j + 2)):
                        if before[y, x] > 0:
                            total += before[y, x]
                            count += 1
                if count:
                    w[i, j] = total / count
                else:
                    empty += 1
        if empty == 0:
            return


@nb.njit(**_options)
def slopes(w, gx, gy):
    """Change of w per column and row over 3x3 cells; NaN where a cell is empty or missing."""
    rows, columns = w.shape
    gx[:] = np.nan
    gy[:] = np.nan
    for i in range(1, rows - 1):
        for j in range(1, columns - 1):
            full = True
            across = down = 0.0
            for k in range(-1, 2):
                full &= (w[i + k, j - 1] > 0) & (w[i + k, j] > 0) & (w[i + k, j + 1] > 0)
                across += w[i + k, j + 1] - w[i + k, j - 1]
                down += w[i + 1, j + k] - w[i - 1, j + k]
            if full:
                gx[i, j] = across / 6
                gy[i, j] = down / 6


@nb.njit(**_options)
def wall(w, off, gx, gy, color, i, j, dy, dx, noise, jump, crease, contrast):
    """How much of an edge lies between cell (i, j) and the next one in a direction, 0 to 1.

    Jumps: neither side's straight continuation (in inverse depth, where planes are linear)
    meets the other. Creases count only where they are concave, as where an object stands on or
    leans at something; its own convex edges do not (Stein et al., CVPR 2014). They are changes
    of the whole slope from one side to the other, whatever the angle at which they are crossed.
    Colour adds some, and so does leaving the planes around (`off`, 0 on them to 1).
    """
    rows, columns = w.shape
    y, x = i + dy, j + dx
    a, b = w[i, j], w[y, x]
    red = color[i, j, 0] - color[y, x, 0]
    green = color[i, j, 1] - color[y, x, 1]
    blue = color[i, j, 2] - color[y, x, 2]
    tint = np.sqrt(red * red + green * green + blue * blue) / 442.0
    edge = contrast * min(1.0, max(0.0, tint - 0.03) / 0.15) + abs(off[i, j] - off[y, x])
    if a <= 0 or b <= 0:
        return min(1.0, edge + 0.1)
    middle = 0.5 * (a + b)
    u, v, s, t = i - dy, j - dx, y + dy, x + dx
    inside = 0 <= u < rows and 0 <= v < columns and 0 <= s < rows and 0 <= t < columns
    if not inside or w[u, v] <= 0 or w[s, t] <= 0:
        gap = abs(a - b) / middle
        return min(1.0, edge + min(1.0, max(0.0, gap - 4 * noise) / jump))
    before, after = a - w[u, v], w[s, t] - b
    gap = min(abs(a + before - b), abs(b - after - a)) / middle
    hard = min(1.0, max(0.0, gap - 5 * noise) / jump)
    # Two cells to either side: the slopes themselves are means over three.
    if 0 <= u - dy < rows and 0 <= v - dx < columns and gx[u - dy, v - dx] == gx[u - dy, v - dx]:
        u, v = u - dy, v - dx
    if 0 <= s + dy < rows and 0 <= t + dx < columns and gx[s + dy, t + dx] == gx[s + dy, t + dx]:
        s, t = s + dy, t + dx
    bx, by = gx[s, t] - gx[u, v], gy[s, t] - gy[u, v]
    bend = np.sqrt(bx * bx + by * by)
    length = np.sqrt(1.0 * dx * dx + dy * dy)
    soft = 0.0
    if bx * dx + by * dy > 0.1 * bend * length:
        soft = min(1.0, max(0.0, bend / middle - 2 * noise) / crease)
    return min(1.0, hard + soft + edge)


@nb.njit(**_options)
def paths(w, off, gx, gy, color, seeds, noise, jump, crease, contrast, toll, out):
    """Cost of the cheapest path from the seeds to every cell (Dijkstra, 8 neighbours)."""
    rows, columns = w.shape
    out[:] = np.inf
    size = 8 * rows * columns + rows * columns + 1
    keys = np.empty(size)
    cells = np.empty(size, np.int64)
    count = 0
    for at in range(rows * columns):
        if seeds[at // columns, at % columns]:
            out[at // columns, at % columns] = 0
            keys[count] = 0
            cells[count] = at
            count += 1
    while count > 0:
        key, at = keys[0], cells[0]
        count -= 1
        last, moved = keys[count], cells[count]
        p = 0
        while True:
            c = 2 * p + 1
            if c >= count:
                break
            if c + 1 < count and keys[c + 1] < keys[c]:
                c += 1
            if keys[c] >= last:
                break
            keys[p], cells[p] = keys[c], cells[c]
            p = c
        keys[p], cells[p] = last, moved
        i, j = at // columns, at % columns
        if key > out[i, j]:
            continue
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                y, x = i + dy, j + dx
                if (dy == 0 and dx == 0) or not (0 <= y < rows and 0 <= x < columns):
                    continue
                length = 1.4142135623730951 if dy != 0 and dx != 0 else 1.0
                # An 8-neighbour step must not slip through a wall that is one cell thick.
                cost = (
                    wall(w, off, gx, gy, color, i, j, dy, dx, noise, jump, crease, contrast)
                    * length
                )
                total = key + toll * length + cost
                if total < out[y, x]:
                    out[y, x] = total
                    p = count
                    count += 1
                    while p > 0 and keys[(p - 1) // 2] > total:
                        keys[p], cells[p] = keys[(p - 1) // 2], cells[(p - 1) // 2]
                        p = (p - 1) // 2
                    keys[p], cells[p] = total, y * columns + x


@nb.njit(**_options)
def patches(w, off, gx, gy, color, seeds, noise, jump, crease, contrast, limit, labels):
    """Label seeds that reach each other over walls below `limit`: 1, 2, ...; how many labels."""
    rows, columns = w.shape
    stack = np.empty(rows * columns, np.int64)
    labels[:] = 0
    count = 0
    for start in range(rows * columns):
        if (
            not seeds[start // columns, start % columns]
            or labels[start // columns, start % columns]
        ):
            continue
        count += 1
        labels[start // columns, start % columns] = count
        stack[0] = start
        size = 1
        while size > 0:
            size -= 1
            i, j = stack[size] // columns, stack[size] % columns
            for k in range(4):
                dx = (1, -1, 0, 0)[k]
                dy = (0, 0, 1, -1)[k]
                y, x = i + dy, j + dx
                if not (0 <= y < rows and 0 <= x < columns) or not seeds[y, x] or labels[y, x]:
                    continue
                if wall(w, off, gx, gy, color, i, j, dy, dx, noise, jump, crease, contrast) < limit:
                    labels[y, x] = count
                    stack[size] = y * columns + x
                    size += 1
    return count


@nb.njit(**_options)
def refine(depth, chosen, w, cell, step, out):
    """The cells' choice as pixels; at its border pixels with depth choose by their own.

    There a pixel joins the side, of the chosen and the other cells around, whose mean inverse
    depth is nearer, if these differ by more than `step` (relative).
    """
    rows, columns = chosen.shape
    h, n = depth.shape
    for i in range(rows):
        for j in range(columns):
            own = other = 0.0
            k = m = 0
            for y in range(max(0, i - 1), min(rows, i + 2)):
                for x in range(max(0, j - 1), min(columns, j + 2)):
                    if w[y, x] > 0:
                        if chosen[y, x]:
                            own += w[y, x]
                            k += 1
                        else:
                            other += w[y, x]
                            m += 1
            split = k > 0 and m > 0
            if split:
                own, other = own / k, other / m
                split = abs(own - other) > step * other
            for y in range(i * cell, min((i + 1) * cell, h)):
                for x in range(j * cell, min((j + 1) * cell, n)):
                    mine = chosen[i, j]
                    if split and depth[y, x] > 0:
                        v = 1.0 / depth[y, x]
                        mine = abs(v - own) < abs(v - other)
                    out[y, x] = mine
