"""Depth on disk: 16-bit steps of one image-wide scale, differenced by rows, under zstd.

Float16 points step by 1.6 cm at 20 m; 16-bit depth with a scale of its own steps by less than
the farthest depth / 65535 everywhere (0.15 mm in a room of 10 m).
"""

from __future__ import annotations

import numpy as np

from n3d.errors import InputError

STEPS = 65535
# Depth files count in these units per metre (millimetres; TUM; 0.1 mm; KITTI); a depth that is a
# multiple of one of them keeps it, and so comes back to the bit.
UNITS_PER_METRE = (1000, 5000, 10000, 4000, 256)
# Beyond this ratio of the farthest to the median depth half a step exceeds 0.5 % of the median.
MAX_RANGE = 655.0
LEVEL = 3


def depth_to_bytes(depth: np.ndarray) -> tuple[bytes, float]:
    """Depth (h, w) in metres, 0 invalid, as bytes and the metres per step.

    Decoded depth differs by at most half a step, a whole step where depth is below half a
    step (valid stays valid); order is kept. Depth that counts in a usual unit (millimetres,
    ...) keeps that unit. Raises InputError for NaN, negative or infinite depth, and where
    16 bits cannot hold both the farthest and the median depth.
    """
    depth = np.asarray(depth)
    if depth.ndim != 2 or depth.dtype.kind not in "fiu":
        raise InputError(
            f"depth must be (h, w) numbers, got {depth.shape} {depth.dtype}",
            code="depth-shape",
            field="depth",
        )
    depth = depth.astype(np.float64)
    if not ((depth >= 0) & (depth < np.inf)).all():
        raise InputError(
            "must be finite and >= 0, 0 where invalid", code="depth-value", field="depth"
        )
    scale = _scale(depth)
    steps = np.rint(depth / scale)
    np.copyto(steps, 1, where=(steps == 0) & (depth > 0))
    return _pack(steps.astype(np.uint16)), scale


def depth_from_bytes(data: bytes, scale: float, shape: tuple[int, int]) -> np.ndarray:
    """Depth (h, w) float32 in metres of `depth_to_bytes`; InputError where the bytes are not."""
    if not (np.isfinite(scale) and scale > 0):
        raise InputError(
            f"scale must be positive, got {scale}", code="depth-scale", field="depth.scale"
        )
    depth = np.empty(shape, np.float32)
    # Multiplied in double and rounded once, without a double copy of the image.
    np.multiply(_unpack(data, shape), np.float64(scale), out=depth, casting="unsafe")
    return depth


def _scale(depth: np.ndarray) -> float:
    valid = depth[depth > 0]
    if not valid.size:
        return 1 / UNITS_PER_METRE[0]
    farthest = float(valid.max())
    few = valid[:: 1 + valid.size // 100]  # most depth shows at once that it counts in no unit
    for units in UNITS_PER_METRE:
        if farthest * units <= STEPS + 0.5 and _counts(few, units) and _counts(valid, units):
            return 1 / units
    median = float(np.median(valid))
    if farthest > MAX_RANGE * median:
        raise InputError(
            f"farthest depth {farthest:g} is {farthest / median:.0f} times the median {median:g}, "
            "too far for 16 bits",
            code="depth-range",
            field="depth",
            limit=f"{MAX_RANGE:g} times",
            hint="Set the sky and other far outliers to 0, the invalid depth",
        )
    return farthest / STEPS


def _counts(depth: np.ndarray, units: int) -> bool:
    """Whether depth is whole numbers of units, up to the rounding of float32 metres."""
    counted = depth * units
    return bool((np.abs(counted - np.rint(counted)) <= 1e-6 * counted + 1e-9).all())


def _pack(steps: np.ndarray) -> bytes:
    import pyarrow as pa

    change = steps.copy()
    change[1:] -= steps[:-1]  # modulo 2**16
    # Zigzag: small changes of either sign have a high byte of zero.
    folded = (change << 1) ^ np.negative(change >> 15)
    pairs = folded.astype("<u2").reshape(-1).view(np.uint8).reshape(-1, 2)
    codec = pa.Codec("zstd", compression_level=LEVEL)
    return codec.compress(np.ascontiguousarray(pairs.T), asbytes=True)


def _unpack(data: bytes, shape: tuple[int, int]) -> np.ndarray:
    import pyarrow as pa

    height, width = shape
    try:
        flat = pa.Codec("zstd").decompress(data, 2 * height * width)
    except (OSError, ValueError, pa.ArrowException) as e:
        raise InputError(
            f"is not compressed depth of {width}x{height}: {e}", code="depth-bytes", field="depth"
        ) from None
    low, high = np.frombuffer(flat, np.uint8).reshape(2, height, width)
    steps = high.astype(np.uint16)
    steps <<= 8
    steps |= low
    sign = steps & 1
    np.negative(sign, out=sign)
    steps >>= 1
    steps ^= sign
    for row in range(1, height):
        steps[row] += steps[row - 1]
    return steps
