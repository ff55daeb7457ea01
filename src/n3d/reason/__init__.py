"""Operations over boxes, questions about them, and running a trace again."""

from n3d.reason import ops, prose, refer, units
from n3d.reason.answering import answer, bind
from n3d.reason.asking import ask
from n3d.reason.finding import LOCATE_KINDS, locate
from n3d.reason.gating import Gate
from n3d.reason.kinds import DEFINITIONS, KINDS
from n3d.reason.prose import explain
from n3d.reason.refer import resolve
from n3d.reason.replay import replay, run, sample
from n3d.reason.understanding import names, understand

__all__ = [
    "DEFINITIONS",
    "KINDS",
    "LOCATE_KINDS",
    "Gate",
    "answer",
    "ask",
    "bind",
    "explain",
    "locate",
    "names",
    "ops",
    "prose",
    "refer",
    "replay",
    "resolve",
    "run",
    "sample",
    "understand",
    "units",
]
