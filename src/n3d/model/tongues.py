"""A tokenizer as the decoder needs it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

KEPT = 64
"""Grammars that stay compiled. Requests share a few dozen; compiling takes as long as a token."""


class Tongue:
    """A tokenizer as the decoder needs it: grammars over it, and which tokens are numbers."""

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        self.tokenizer = tokenizer
        self.vocabulary = vocabulary
        self.end = tokenizer.convert_tokens_to_ids("<|im_end|>")
        self.numbers = _number_tokens(tokenizer)
        self.values = [{token: i for i, token in enumerate(group)} for group in self.numbers]
        alone = self.encode(" ")
        self.space = alone[0] if len(alone) == 1 else None
        self._grammars: Any = None
        self._begun: OrderedDict[str, Any] = OrderedDict()

    @property
    def own(self) -> bool:
        """Whether it has tokens of our own for boxes and numbers."""
        return len(self.numbers) == 4

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens, as it is."""
        return self.tokenizer.decode(
            ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )

    def matcher(self, grammar: str) -> Any:
        """A walk through a grammar, at its start. The last KEPT grammars stay compiled."""
        from llguidance import LLMatcher
        from llguidance.hf import from_tokenizer

        found = self._begun.pop(grammar, None)
        if found is None:
            if self._grammars is None:
                self._grammars = from_tokenizer(self.tokenizer, self.vocabulary, self.end)
            found = LLMatcher(self._grammars, LLMatcher.grammar_from_lark(grammar))
            assert not found.is_error(), found.get_error()
        self._begun[grammar] = found
        while len(self._begun) > KEPT:
            self._begun.popitem(last=False)
        return found.deep_copy()


def _number_tokens(tokenizer: Any) -> list[list[int]]:
    """The tokens for the values of one place of a number, the lowest first: digits, and our own
    coarse and fine halves and yaws where there are such."""
    pair = [f"{i:02d}" for i in range(100)]
    found = []
    for names in (
        [str(i) for i in range(10)],
        [f"<|c{p}|>" for p in pair],
        [f"<|f{p}|>" for p in pair],
        [f"<|y{i:03d}|>" for i in range(360)],
    ):
        ids = tokenizer.convert_tokens_to_ids(names)
        if None not in ids and tokenizer.unk_token_id not in ids:
            found.append(ids)
    return found
