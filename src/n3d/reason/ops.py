"""The operations of a trace: one definition each, used to make, to check and to grade.

`SIGNATURES` gives their types to parsers, `apply` runs one of them on a world, once or on all
samples together. The geometry behind them is `n3d.reason.measures`, plain functions over
stacks of boxes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from n3d.errors import TraceError
from n3d.reason import comparing, measuring, relating
from n3d.reason.operation import Operation
from n3d.reason.worlds import Numbers, Run, Things, Truths, Words, World
from n3d.scene import Signature

OPERATIONS: dict[str, Operation] = {
    o.signature.op: o for o in (*measuring.OPERATIONS, *relating.OPERATIONS, *comparing.OPERATIONS)
}
SIGNATURES: dict[str, Signature] = {name: o.signature for name, o in OPERATIONS.items()}


def apply(op: str, args: Sequence[Run], world: World) -> Run:
    """The result of one operation; TraceError for an unknown one or arguments it cannot take."""
    operation = OPERATIONS.get(op)
    if operation is None:
        raise TraceError(f"unknown operation {op[:40]!r}", code="trace-op", field=op[:40])
    check_args(operation.signature, args)
    return operation.run(world, *args)


_KINDS = {"box": Things, "quantity": Numbers, "text": Words, "bool": Truths}
_LISTS = {"boxes": Things, "quantities": Numbers}


def check_args(signature: Signature, args: Sequence[Run]) -> None:
    """Raise TraceError unless `args` have the number, kinds and words of the signature."""
    wanted = signature.args
    least = sum(not kind.endswith("?") for kind in wanted)
    if not least <= len(args) <= len(wanted):
        number = f"{least}" if least == len(wanted) else f"{least} to {len(wanted)}"
        raise TraceError(
            f"takes {number} arguments, got {len(args)}", code="trace-arity", field=signature.op
        )
    for position, (kind, arg) in enumerate(zip(wanted, args), start=1):
        kind = kind.rstrip("?")
        if not _fits(kind, arg):
            raise TraceError(
                f"argument {position} must be {kind}", code="trace-type", field=signature.op
            )
        words = signature.words or None
        if isinstance(arg, Words) and words and not np.isin(arg.value, words).all():
            raise TraceError(
                f"argument {position} is not a word it knows",
                code="trace-word",
                field=signature.op,
                limit=", ".join(words),
            )


def _fits(kind: str, arg: Run) -> bool:
    if kind in _LISTS:
        # An empty list of objects can be counted, but an empty list cannot be compared.
        items = isinstance(arg, tuple) and all(isinstance(a, _LISTS[kind]) for a in arg)
        return items and (kind == "boxes" or bool(arg))
    return isinstance(arg, _KINDS[kind])


def table() -> str:
    """The operations as a Markdown table."""
    rows = ["| operation | gives | definition |", "|---|---|---|"]
    for op, o in OPERATIONS.items():
        s = o.signature
        gives = s.returns + (f", {o.unit}" if o.unit else "")
        rows.append(f"| `{op}({', '.join(s.args)})` | {gives} | {s.summary} |")
    return "\n".join(rows)
