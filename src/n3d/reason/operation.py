"""What an operation is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from n3d.errors import TraceError
from n3d.reason.worlds import Run, Things, Words
from n3d.scene import Signature


@dataclass(frozen=True)
class Operation:
    """A signature, how to run it on a world, and how to say it ("the height of {0}")."""

    signature: Signature
    run: Callable[..., Run]
    says: str
    unit: str = ""


def summary(function: Callable[..., object]) -> str:
    """The first sentence of a function's docstring: the definition that users read."""
    text = (function.__doc__ or "").strip()
    return text.split("\n\n")[0].replace("\n    ", " ")


def word(words: Words | None, default: str) -> str:
    """A literal word, the same in every sample."""
    return default if words is None else str(np.ravel(words.value)[0])


def front(viewer: Things) -> np.ndarray:
    """Where the viewer faces; TraceError where no viewer's front is known."""
    if not np.isfinite(viewer.front).any():
        raise TraceError(
            "the front of the object is not known, so it has no point of view",
            code="front-unknown",
        )
    return viewer.front
