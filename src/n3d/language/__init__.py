"""Text and nouns: two box dialects, traces, dialogues, and whatever a model writes.

`boxes` is the dialect for new models and `upstream` that of the released N3D-VLM weights;
`traces` writes and reads reasoning, `dialogues` whole conversations, `questions` makes typed
text fit for a prompt. These modules are the only parsers of model text.
"""

from n3d.language import boxes, dialogues, grid, questions, tokens, traces, upstream
from n3d.language.grid import Scale
from n3d.language.labels import neutralize, restore
from n3d.language.reading import Fault, Parsed

__all__ = [
    "Fault",
    "Parsed",
    "Scale",
    "boxes",
    "dialogues",
    "grid",
    "neutralize",
    "questions",
    "restore",
    "tokens",
    "traces",
    "upstream",
]
