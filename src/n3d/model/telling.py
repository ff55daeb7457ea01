"""Telling boxes and steps while a reply is written, each when it is whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from n3d.language import dialogues, tokens
from n3d.language.dialogues import Setting
from n3d.model.tongues import Tongue
from n3d.reason import ops
from n3d.scene import Object3D

Told = Callable[[int, str], None]
"""Takes the place of a request and a line about its reply."""


class Telling:
    """Watches `decoding.write`: hands over a line for every box and for every line of the trace.

    `settings` are those of the rows. Boxes are as written: what is fitted to depth, chosen and
    calibrated afterwards is in the prediction alone.
    """

    def __init__(self, tongue: Tongue, settings: Sequence[Setting], told: Told) -> None:
        self._tongue, self._settings, self._told = tongue, settings, told
        self._cuts = [0] * len(settings)
        self._counts = [0] * len(settings)

    def __call__(self, row: int, written: Sequence[int]) -> None:
        """Tell what is new in the tokens of a row."""
        text = self._tongue.decode(list(written))
        cut = max(text.rfind("\n") + 1, text.rfind("<|bbox_"))
        if cut <= self._cuts[row]:
            return
        self._cuts[row] = cut
        lines = self._lines(text[:cut], self._settings[row])
        for line in lines[self._counts[row] :]:
            self._told(row, line)
        self._counts[row] = max(self._counts[row], len(lines))

    def _lines(self, text: str, setting: Setting) -> list[str]:
        reply = dialogues.read(text, ops.SIGNATURES, setting)
        session = text[reply.split :]
        session = session[: session.rfind("\n") + 1]
        if setting.own:
            session = tokens.refs_from_tokens(session)
        boxes = [said(o, setting) for o in reply.objects.items]
        return boxes + [line for line in session.splitlines() if line.strip()]


def said(o: Object3D, setting: Setting) -> str:
    """A box in words."""
    unit = " m" if setting.metric else ""
    center, size = (", ".join(f"{v:.2f}" for v in w) for w in (o.box.center, o.box.size))
    return f"{o.label}: center ({center}){unit}, size ({size}){unit}"
