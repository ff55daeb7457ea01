"""The one typed error of n3d: it names the file, the field, the limit and what to do.

It stands below all floors so that every room can raise it.
"""

from __future__ import annotations

from typing import Any


class N3DError(Exception):
    """A mistake in what was given, told in one sentence.

    `code` is a stable kebab-case reason ("depth-empty"), used to count dropped records.
    `file`, `field`, `limit` and `hint` are shown when they are known; `at()` fills in
    the ones that only a caller further up can know.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "invalid",
        file: Any = None,
        field: str | None = None,
        limit: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.file = None if file is None else printable(file)
        self.field = field
        self.limit = limit
        self.hint = hint

    def at(self, *, file: Any = None, field: str | None = None) -> N3DError:
        """Add the file and field where they are still unknown, and return the same error."""
        if self.file is None and file is not None:
            self.file = printable(file)
        if self.field is None and field is not None:
            self.field = field
        return self

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.file, self.field) if part)
        text = f"{where}: {self.message}" if where else self.message
        if self.limit:
            text += f" (limit: {self.limit})"
        if self.hint:
            text += f". {self.hint}"
        return text

    def __reduce__(self):
        # Keyword-only fields would be lost when the error crosses a process boundary.
        return (_rebuild, (type(self), self.message, dict(self.__dict__)))


def _rebuild(kind: type[N3DError], message: str, state: dict[str, Any]) -> N3DError:
    error = kind(message)
    error.__dict__.update(state)
    return error


def printable(name: Any) -> str:
    """A file name as text that any terminal can show: undecodable bytes escaped, long names cut."""
    text = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else str(name)
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= 300 else f"{text[:140]}...{text[-140:]}"


def short(error: BaseException) -> str:
    """An error of a library on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


class GeometryError(N3DError, ValueError):
    """A camera, pose, box or point map that cannot exist."""


class InputError(N3DError, ValueError):
    """A file or array from outside that cannot be used."""


class QuestionError(N3DError, ValueError):
    """A question that cannot be read, or names what is absent or ambiguous."""


class TraceError(N3DError, ValueError):
    """A trace that cannot be parsed or run."""


class FormatError(N3DError, ValueError):
    """A box or text that a dialect cannot write or read."""


class ConfigError(N3DError, ValueError):
    """An option with an unknown name, a wrong type or a value out of range."""
