"""The operations on results: which object, in what order, how much more, how many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from n3d.errors import TraceError
from n3d.reason.labels import same_label
from n3d.reason.operation import Operation, word
from n3d.reason.worlds import Numbers, Run, Things, Truths, Words, World
from n3d.scene import Signature


def _unit(numbers: Sequence[Numbers]) -> str:
    units = {n.unit for n in numbers}
    if len(units) != 1:
        raise TraceError(
            f"cannot compare {' with '.join(sorted(units))}", code="trace-units", field="args"
        )
    return units.pop()


def _arranged(numbers: Sequence[Numbers], largest_first: bool) -> np.ndarray:
    """Positions (..., k) of the numbers in order; ties keep the order they are written in."""
    _unit(numbers)
    values = np.stack([n.value for n in numbers], axis=-1)
    return np.argsort(-values if largest_first else values, axis=-1, kind="stable")


def _measured(world: World, numbers: Sequence[Numbers], position: np.ndarray) -> Things:
    """The object that the number at `position` (...) was measured on."""
    found = [n.of for n in numbers if n.of is not None]
    if len(found) < len(numbers):
        raise TraceError("a compared number was not measured on an object", code="trace-no-object")
    of = np.stack(found, axis=-1)
    return world.thing(np.take_along_axis(of, position[..., None], axis=-1)[..., 0])


def _extreme(largest: bool) -> Callable[..., Run]:
    def run(world: World, numbers: tuple[Numbers, ...]) -> Run:
        return _measured(world, numbers, _arranged(numbers, largest)[..., 0])

    return run


def _pairs() -> Iterator[Operation]:
    """smallest and largest of two, by the name that fits what was measured."""
    for small, large, about in (
        ("nearer", "farther", "distances"),
        ("shorter", "taller", "heights"),
        ("thinner", "wider", "widths"),
        ("smaller", "bigger", "sizes"),
    ):
        for op, largest in ((small, False), (large, True)):
            run = _extreme(largest)
            text = f"The object with the {'larger' if largest else 'smaller'} of two {about}."
            yield Operation(
                Signature(op, ("quantity", "quantity"), "box", (), text),
                lambda world, a, b, run=run: run(world, (a, b)),
                f"which is {op}, {{0}} or {{1}}",
            )


def _lists() -> Iterator[Operation]:
    for op, largest in (("smallest", False), ("largest", True)):
        text = f"The object whose quantity is the {op}; the one written first wins a tie."
        yield Operation(
            Signature(op, ("quantities",), "box", (), text),
            _extreme(largest),
            f"the {op} of {{0}}",
        )
    for op, largest in (("ascending", False), ("descending", True)):
        first = "largest" if largest else "smallest"
        text = f"The objects in the order of their quantities, {first} first."
        yield Operation(
            Signature(op, ("quantities",), "boxes", (), text),
            _ordered(largest),
            f"the {op} order of {{0}}",
        )


def _ordered(largest: bool) -> Callable[..., Run]:
    def run(world: World, numbers: tuple[Numbers, ...]) -> Run:
        order = _arranged(numbers, largest)
        return tuple(_measured(world, numbers, order[..., k]) for k in range(len(numbers)))

    return run


def _compared(function: Callable) -> Callable[..., Run]:
    def run(world: World, a: Numbers, b: Numbers) -> Run:
        _unit([a, b])
        return Truths(function(a.value, b.value))

    return run


def _difference(world: World, a: Numbers, b: Numbers) -> Run:
    return Numbers(a.value - b.value, _unit([a, b]), a.of)


def _ratio(world: World, a: Numbers, b: Numbers) -> Run:
    _unit([a, b])
    with np.errstate(divide="ignore", invalid="ignore"):
        return Numbers(a.value / b.value, "1", a.of)


def _find(world: World, label: Words) -> Run:
    wanted = word(label, "")
    return tuple(world.thing(i) for i, name in enumerate(world.labels) if same_label(name, wanted))


def _count(world: World, things: tuple[Things, ...]) -> Run:
    return Numbers(np.broadcast_to(float(len(things)), world.samples), "1")


_TWO = ("quantity", "quantity")
OPERATIONS = (
    *_pairs(),
    *_lists(),
    Operation(
        Signature("greater", _TWO, "bool", (), "Whether the first quantity is larger."),
        _compared(np.greater),
        "whether {0} is more than {1}",
    ),
    Operation(
        Signature("less", _TWO, "bool", (), "Whether the first quantity is smaller."),
        _compared(np.less),
        "whether {0} is less than {1}",
    ),
    Operation(
        Signature("difference", _TWO, "quantity", (), "The first quantity minus the second."),
        _difference,
        "{0}, less {1}",
    ),
    Operation(
        Signature("ratio", _TWO, "quantity", (), "The first quantity divided by the second."),
        _ratio,
        "{0}, divided by {1}",
        "1",
    ),
    Operation(
        Signature("find", ("text",), "boxes", (), "All objects with this label."),
        _find,
        "every {0}",
    ),
    Operation(
        Signature("count", ("boxes",), "quantity", (), "How many objects."),
        _count,
        "the number of {0}",
        "1",
    ),
)
