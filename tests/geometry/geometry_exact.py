"""The volume two boxes share in exact rational arithmetic: the slow twin of the overlap kernels."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from n3d.geometry import CORNER_SIGNS, FACES, Box3D


def _solid(box: Box3D):
    """Faces as rational corner loops, and the planes n.p <= d of the same faces, in FACES order."""
    center = [Fraction(float(v)) for v in box.center]
    axes = [
        [Fraction(float(box.rotation[k, e])) * Fraction(float(box.size[e])) / 2 for k in range(3)]
        for e in range(3)
    ]
    corners = [
        [center[k] + sum(int(s[e]) * axes[e][k] for e in range(3)) for k in range(3)]
        for s in CORNER_SIGNS
    ]
    faces = [[corners[i] for i in f] for f in FACES]
    planes = []
    for face in faces:
        n = _cross(_sub(face[1], face[0]), _sub(face[2], face[0]))
        planes.append((n, _dot(n, face[0])))
    return faces, planes, center


def _sub(a, b):
    return [x - y for x, y in zip(a, b)]


def _dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def _cross(a, b):
    return [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]


def _clip(polygon, plane):
    n, d = plane
    out = []
    for p, q in zip(polygon[-1:] + polygon[:-1], polygon):
        a, b = d - _dot(n, p), d - _dot(n, q)
        if (a >= 0) != (b >= 0):
            t = a / (a - b)
            out.append([x + t * (y - x) for x, y in zip(p, q)])
        if b >= 0:
            out.append(q)
    return out


def _coplanar(face, planes):
    """Whether the face lies in one of the planes, looking the same way."""
    normal = _cross(_sub(face[1], face[0]), _sub(face[2], face[0]))
    return any(_dot(n, normal) > 0 and all(_dot(n, p) == d for p in face[:3]) for n, d in planes)


def exact_intersection(a: Box3D, b: Box3D) -> Fraction:
    """Volume shared by two boxes: cones from the centre of `a` over the faces within the other.

    Exact for the solids spanned by the float64 centre, size and rotation; a face that both
    have in common is counted once.
    """
    (fa, pa, origin), (fb, pb, _) = _solid(a), _solid(b)
    total = Fraction(0)
    for faces, planes, own in ((fa, pb, True), (fb, pa, False)):
        for face in faces:
            if not own and _coplanar(face, planes):
                continue
            polygon = face
            for plane in planes:
                polygon = _clip(polygon, plane) if len(polygon) > 2 else []
            rays = [_sub(p, origin) for p in polygon]
            for p, q in pairwise(rays[1:]):
                total += _dot(rays[0], _cross(p, q))
    return total / 6


def exact_iou(a: Box3D, b: Box3D) -> float:
    shared = exact_intersection(a, b)
    return float(shared / (exact_intersection(a, a) + exact_intersection(b, b) - shared))
