"""Questions in other words by a language model; whoever asks has to check what it says."""

from __future__ import annotations

from n3d.experts.chatting import Chat
from n3d.language import answers, neutralize, questions

SYSTEM = (
    "You put questions about pictures into other words. You keep the meaning, every number and "
    "unit, and the names of the objects exactly as they are written and in the same order. You "
    "do not answer the question."
)
MAX_TOKENS = 200


def prompt(question: str, names: tuple[str, ...]) -> str:
    """What a model is asked to rephrase one question."""
    kept = ", ".join(f'"{neutralize(questions.clean(n))}"' for n in names)
    told = f"Keep these words as they are: {kept}.\n" if kept else ""
    return (
        f"Question: {neutralize(questions.clean(question))}\n{told}"
        "Write this question in other words, on one line, and nothing else."
    )


def rephrase(chat: Chat, asked: str, *, temperature: float, seed: int) -> str:
    """The first line of a model's reply to a `prompt`, "" where there is none. Raises as
    `Chat.reply`."""
    reply = chat.reply(SYSTEM, asked, max_tokens=MAX_TOKENS, temperature=temperature, seed=seed)
    lines = answers.lines(reply).items
    return lines[0] if lines else ""
