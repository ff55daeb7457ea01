"""Whether the steps of a trace fit the table of operations that they call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from n3d.errors import TraceError
from n3d.scene import Arg, Quantity, Ref, Signature, Signatures, Value, Var

_LISTS = {"box": "boxes", "quantity": "quantities"}


class Checker:
    """Checks steps in order and remembers what is bound; raises TraceError."""

    def __init__(
        self, signatures: Signatures, n_objects: int | None, where: Mapping[int, int] | None
    ) -> None:
        self.signatures, self.n_objects, self.where = signatures, n_objects, where
        self.names: dict[str, str] = {}

    def call(
        self, name: str | None, op: str, args: tuple[Arg, ...]
    ) -> tuple[Signature, tuple[Arg, ...]]:
        """The operation's signature and the arguments with boxes put in their place."""
        signature = self.signatures.get(op)
        if signature is None:
            raise TraceError(f"unknown operation {op}", code="trace-unknown")
        if name in self.names:
            raise TraceError(f"{name} is bound twice", code="trace-repeated")
        kinds = [k.removesuffix("?") for k in signature.args]
        least = sum(not k.endswith("?") for k in signature.args)
        if not least <= len(args) <= len(kinds):
            wanted = f"{least}" if least == len(kinds) else f"{least} to {len(kinds)}"
            raise TraceError(f"{op} takes {wanted} arguments, got {len(args)}", code="trace-arity")
        args = tuple(self.placed(a) for a in args)
        for i, (kind, arg) in enumerate(zip(kinds, args)):
            got = self._kind(arg)
            if not _fits(kind, got):
                raise TraceError(
                    f"argument {i + 1} of {op} must be {kind}, got {got}", code="trace-kind"
                )
            if isinstance(arg, str) and kind == "text" and arg not in (signature.words or (arg,)):
                raise TraceError(
                    f"{op} does not know the word {arg!r}",
                    code="trace-unknown",
                    limit=", ".join(signature.words),
                )
        return signature, args

    def result(self, name: str | None, signature: Signature, value: Value) -> Value:
        """The value of a call, checked against its signature and bound to its name."""
        value = self.placed(value)
        got = self._kind(value)
        if not _fits(signature.returns, got):
            raise TraceError(
                f"{signature.op} gives {signature.returns}, got {got}", code="trace-kind"
            )
        if name is not None:
            self.names[name] = got if signature.returns == "any" else signature.returns
        return value

    def placed(self, value: Any) -> Any:
        """The same value with every written box number turned into a place in the objects."""
        if isinstance(value, tuple):
            return tuple(self.placed(v) for v in value)
        if not isinstance(value, Ref):
            return value
        if self.where is not None:
            if value.index not in self.where:
                raise TraceError(f"there is no {value}", code="trace-range")
            value = Ref(self.where[value.index])
        if self.n_objects is not None and value.index >= self.n_objects:
            raise TraceError(
                f"there is no {value}", code="trace-range", limit=f"{self.n_objects} objects"
            )
        return value

    def _kind(self, value: Arg | Value) -> str:
        if isinstance(value, Var):
            if value.name not in self.names:
                raise TraceError(f"{value.name} is not bound yet", code="trace-unknown")
            return self.names[value.name]
        if isinstance(value, tuple):
            kinds = {self._kind(v) for v in value}
            if not kinds:
                return "empty"
            return _LISTS.get(kinds.pop(), "list") if len(kinds) == 1 else "list"
        if isinstance(value, bool):
            return "bool"
        return (
            "box"
            if isinstance(value, Ref)
            else ("quantity" if isinstance(value, Quantity) else "text")
        )


def _fits(wanted: str, got: str) -> bool:
    return wanted in ("any", got) or (got == "empty" and wanted in _LISTS.values())
