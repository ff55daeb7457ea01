"""Questions that the patterns of n3d cannot read, put into other words by a language model.

The model only proposes: the caller reads each proposal by the rules that it uses for people's
questions, and runs each trace again on the boxes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from n3d.errors import InputError
from n3d.experts.chatting import Chat
from n3d.language import answers, neutralize, questions
from n3d.language.reading import Fault

MOST = answers.MOST
_REWRITE = (
    "You rewrite questions about the objects in a picture so that a simple program can read them. "
    "You do not answer them."
)
_TRACE = (
    "You write short programs that answer questions about objects whose 3D boxes are known. You "
    "use only the operations in the table and only the boxes that are listed."
)
_EXAMPLE = """\
>>> a = distance(bbox_0, bbox_1)
1.56 m
>>> b = distance(bbox_2, bbox_1)
2.10 m
>>> nearer(a, b)
bbox_0
"""


class Reader:
    """Puts questions into plainer words, or into a trace, with any Chat.

    `examples` are pairs of a question as people ask it and one that n3d reads; they teach the
    phrasings. `faults` are those of the last call.
    """

    def __init__(
        self, chat: Chat, examples: Sequence[tuple[str, str]], *, max_tokens: int = 512
    ) -> None:
        self.chat = chat
        self.examples = tuple((questions.clean(a), questions.clean(b)) for a, b in examples)
        self.max_tokens = max_tokens
        self.faults: tuple[Fault, ...] = ()

    def rewrite(
        self,
        question: str,
        labels: Sequence[str] = (),
        *,
        image: np.ndarray | None = None,
    ) -> list[str]:
        """Up to three plainer questions that mean the same, the likeliest first; maybe none.

        `labels` are the names of the objects that can be asked about. Raises QuestionError for
        what is no question text, and as `Chat.reply`.
        """
        asked = questions.clean(question)
        shown = "\n".join(
            f"Question: {neutralize(a)}\nRewritten: {neutralize(b)}" for a, b in self.examples
        )
        names = ", ".join(neutralize(questions.clean(label)) for label in labels)
        text = (f"{shown}\n\n" if shown else "") + (
            (f"The objects are called: {names}\n" if names else "")
            + f"Question: {neutralize(asked)}\n\n"
            f"Write up to {MOST} questions that mean the same as the last one, each in the "
            "phrasing of one of the rewritten examples, the most faithful first. Keep every "
            "object, and call it by its name in the list. One question on each line, nothing else."
        )
        images = [] if image is None else [image]
        reply = self.chat.reply(_REWRITE, text, images, max_tokens=self.max_tokens)
        parsed = answers.lines(reply)
        self.faults = parsed.faults
        return [line for line in parsed.items if line != asked]

    def write_trace(
        self,
        question: str,
        objects_text: str,
        signatures: str,
        *,
        image: np.ndarray | None = None,
        complaint: str = "",
    ) -> str:
        """The text of a trace for `language.traces.parse`; "" where the reply holds none.

        `objects_text` lists the boxes (`bbox_0: mug, ...` or a box dialect) and `signatures` the
        operations, both as the caller wrote them, with labels made harmless. Results in the trace
        are guesses of the model: replay it. `complaint` says what was wrong with an earlier try.
        """
        asked = neutralize(questions.clean(question))
        if not objects_text.strip() or not signatures.strip():
            raise InputError(
                "must not be empty",
                code="reader-empty",
                field="signatures" if objects_text.strip() else "objects_text",
            )
        text = (
            f"The operations:\n{signatures.strip()}\n\nThe objects:\n{objects_text.strip()}\n\n"
            "A program is a session: each step is a line that begins with >>> and calls one "
            "operation, and the line after it is the result. The last result is the answer. For "
            f"example:\n\n{_EXAMPLE}\nQuestion: {asked}\n"
            + (f"An earlier try was wrong: {neutralize(complaint)[:400]}\n" if complaint else "")
            + "Write the program for this question and nothing else."
        )
        images = [] if image is None else [image]
        reply = self.chat.reply(_TRACE, text, images, max_tokens=self.max_tokens)
        self.faults = ()
        return answers.session(reply)
