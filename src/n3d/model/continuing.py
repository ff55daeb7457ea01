"""Where boxes are written: going on while another one is likely enough.

A network that is not sure of an object ends its list before it, where a miss costs as much as a box
too many. Told all the same, such a box has a low score, and `choosing` decides by that. An answer
about what is not there costs more: there the bound may be above one half.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from torch import Tensor

from n3d.language import tokens
from n3d.model.tongues import Tongue


class Continuing:
    """Watches `decoding.write` and begins another box in some rows where the network believes with
    at least a chance of `least` that there is one, and nowhere else; with `first` it decides on the
    first box alone."""

    def __init__(
        self, tongue: Tongue, rows: Collection[int], least: float, *, first: bool = False
    ) -> None:
        names = [f"<|bbox_{i}|>" for i in range(tokens.MAX_OBJECTS)] if tongue.own else []
        self._begins = np.array(tongue.tokenizer.convert_tokens_to_ids(names), int)
        self._rows, self._least, self._first = frozenset(rows), least, first

    def __call__(
        self, row: int, written: Sequence[int], logits: Tensor, allowed: np.ndarray | None
    ) -> int | None:
        """The token that begins a box, or where that is not likely enough the likeliest of the
        others; None where no box can begin."""
        if row not in self._rows or allowed is None or (self._first and len(written)):
            return None
        at = np.flatnonzero(np.isin(allowed, self._begins))
        if len(at) != 1 or len(allowed) == 1:
            return None
        chances = logits.double().softmax(dim=-1).numpy(force=True)
        if chances[at[0]] >= self._least:
            return int(allowed[at[0]])
        return int(np.delete(allowed, at)[np.delete(chances, at).argmax()])
