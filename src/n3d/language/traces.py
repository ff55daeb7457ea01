"""Traces as Python sessions that people already know how to read.

    | >>> a = distance(bbox_0, bbox_2)
    | 1.56 m
    | >>> b = distance(bbox_1, bbox_2)
    | 2.10 m
    | >>> nearer(a, b)
    | bbox_0

The grammar is regular but for nested lists; the operations come from a table of signatures:

    trace = step+
    step  = ">>> " [name " = "] op "(" [arg {", " arg}] ")" NEWLINE value NEWLINE
    arg   = box | name | quantity | string | "[" [arg {", " arg}] "]"
    value = box | quantity | "yes" | "no" | word | string | "[" [value {", " value}] "]"
    box   = "bbox_" digits           name, op = [a-z][a-z0-9_]*, not a box, yes or no
    word  = [a-z]+ {("_" | " ") [a-z]+}   string = JSON string     quantity: n3d.scene.quantities
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from n3d.errors import TraceError
from n3d.language import checking, phrases
from n3d.language.reading import FaultKind, Faults, Parsed
from n3d.scene import Arg, Quantity, Signature, Signatures, Step, Trace, quantities

PROMPT = ">>> "

_KINDS: dict[str, FaultKind] = {
    "trace-truncated": "truncated",
    "trace-unknown": "unknown",
    "trace-repeated": "repeated",
    "trace-range": "out-of-range",
}


def write(trace: Trace) -> str:
    """Two lines per step; TraceError for a name, word or number that has no text."""
    out = []
    for step in trace.steps:
        for word in (step.op, step.name):
            if word is not None and not phrases.is_name(word):
                raise TraceError(f"{word!r} is not a name", code="trace-name")
        args = ", ".join(phrases.write_arg(a) for a in step.args)
        bound = f"{step.name} = " if step.name else ""
        out.append(f"{PROMPT}{bound}{step.op}({args})\n{phrases.write_value(step.out)}\n")
    return "".join(out)


def read(
    text: str,
    signatures: Signatures,
    *,
    n_objects: int | None = None,
    where: Mapping[int, int] | None = None,
) -> Trace:
    """The trace of a text; TraceError naming the line for the first thing that is wrong.

    Each step is checked against its signature: known operation, number and kinds of arguments,
    kind of result, names bound once and before use, boxes below `n_objects`. `where` maps the
    written `bbox_7` to the place of that object, as `Parsed.where` of the boxes has it.
    """
    parsed = parse(text, signatures, n_objects=n_objects, where=where)
    if parsed.faults:
        fault = parsed.faults[0]
        raise TraceError(
            f"{fault.message}: {fault.excerpt!r}",
            code=f"trace-{fault.kind}",
            field=f"line {fault.line}",
        )
    return Trace(parsed.items)


def parse(
    text: str,
    signatures: Signatures,
    *,
    n_objects: int | None = None,
    where: Mapping[int, int] | None = None,
    whole: bool = True,
) -> Parsed[Step]:
    """The steps of a model's text before the first fault, and that fault; never an exception.

    Without `whole` the text may stop anywhere: a last line that has no line break is cut off.
    """
    faults = Faults(text)
    reader = _Session(checking.Checker(signatures, n_objects, where))
    offset = 0
    lines = text.split("\n")
    for line in lines if lines[-1] else lines[:-1]:
        start, offset = offset, offset + len(line) + 1
        try:
            if offset > len(text) and not whole:
                raise TraceError("the text ends inside a line", code="trace-end")
            reader.take(line)
        except TraceError as error:
            # A line without its line break may have been cut wherever it goes wrong.
            cut = offset > len(text) and error.code == "trace-end"
            kind = "truncated" if cut else _KINDS.get(error.code, "malformed")
            faults.add(kind, start, start + len(line), str(error))
            break
    else:
        if reader.pending is not None or not reader.steps:
            message = "a step without its result" if reader.pending else "a trace without a step"
            faults.add("truncated", max(len(text) - 1, 0), len(text), message)
    return Parsed(tuple(reader.steps), tuple(faults.found))


class _Session:
    """Takes the lines of a trace one by one: calls and results in turn."""

    def __init__(self, checker: checking.Checker) -> None:
        self.checker = checker
        self.steps: list[Step] = []
        self.pending: tuple[str | None, Signature, tuple[Arg, ...]] | None = None
        self.unnamed: set[str] = set()

    def take(self, line: str) -> None:
        if self.pending is not None:
            name, signature, args = self.pending
            value = self.checker.result(name, signature, phrases.read_value(line))
            self.steps.append(Step(signature.op, args, value, name))
            self.pending = None
        elif line.strip():
            if not line.startswith(PROMPT):
                code = "trace-end" if PROMPT.startswith(line) else "trace-syntax"
                raise TraceError("expected a step (>>> ...)", code=code)
            name, op, args = phrases.read_call(line[len(PROMPT) :])
            signature, args = self.checker.call(name, op, args)
            if name is None and line in self.unnamed:
                raise TraceError("the same step again", code="trace-repeated")
            self.unnamed.add(line)
            self.pending = (name, signature, args)


def rounded(trace: Trace) -> Trace:
    """The trace as it is read back after writing: numbers rounded, sigma and `of` left out."""
    return Trace(
        tuple(
            Step(s.op, tuple(_rounded(a) for a in s.args), _rounded(s.out), s.name)
            for s in trace.steps
        )
    )


def resolution(quantity: Quantity) -> float:
    """Half of the last written digit of a quantity, in its own unit (`quantities.resolution`)."""
    return quantities.resolution(quantity)


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_rounded(v) for v in value)
    return quantities.rounded(value) if isinstance(value, Quantity) else value
