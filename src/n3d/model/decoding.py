"""Writing token by token: what a plan leaves open is chosen by the network, the rest is appended.

A plan hands out a reply in segments: a text that is forced, or a grammar within which the network
chooses. Tokens that are forced, by a plan or because a grammar leaves one way to go on, are read
by the network in one step together with the next open one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from n3d.errors import ConfigError
from n3d.model import prefixes
from n3d.model.prefixes import Prefix
from n3d.model.tongues import Tongue


@dataclass(frozen=True)
class Force:
    """A text that is appended as it is."""

    text: str


@dataclass(frozen=True)
class Choose:
    """A segment within a grammar of `language.grammars`."""

    grammar: str


@dataclass(frozen=True)
class Free:
    """Anything, up to the end of the turn."""


Segment = Force | Choose | Free
Watch = Callable[[int, Sequence[int], Tensor, np.ndarray | None], int | None]


class Plan(Protocol):
    """What a reply is made of."""

    def advance(self, text: str) -> Segment | None:
        """The next segment after the text so far, None at the end."""
        ...


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen: greedily, or at a `temperature` > 0 from the `top_k` likeliest that
    hold `top_p` of the probability, drawn with `seed`."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0
    max_tokens: int = 4096

    def __post_init__(self) -> None:
        for name, low, high in (
            ("temperature", 0.0, 100.0), ("top_p", 1e-6, 1.0), ("top_k", 0, 1 << 20),
            ("seed", 0, 1 << 62), ("max_tokens", 1, 1 << 20),
        ):  # fmt: skip
            check_number(self, name, low, high)


def check_number(config: Any, name: str, low: float, high: float) -> None:
    """Raise ConfigError unless a field is a number in range, a whole one where `low` is whole."""
    value = getattr(config, name)
    kinds = int if isinstance(low, int) else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        raise ConfigError(
            f"is {value!r}", code="config-value", field=name, limit=f"{low:g} to {high:g}"
        )


@dataclass(frozen=True)
class Picked:
    """A token that the network chose: `place` among the tokens of its reply, its probability
    among those allowed, and, for a place of a number, its `value` and the probabilities of all
    its values, the lowest first, given that it is one. Inside a number a token that was forced
    is one that was chosen with certainty."""

    token: int
    place: int
    probability: float
    numbers: np.ndarray | None = None
    value: int = 0


@dataclass(eq=False)
class Reply:
    """What was written: the text, its tokens, which were chosen, and whether it came to its end."""

    ids: list[int] = field(default_factory=list)
    picked: list[Picked] = field(default_factory=list)
    text: str = ""
    whole: bool = False


@dataclass
class Tally:
    """What decoding cost: passes of the network, rows in them, tokens chosen and forced."""

    passes: int = 0
    chosen: int = 0
    forced: int = 0


class _Writer:
    """One reply while it is written."""

    def __init__(self, plan: Plan, tongue: Tongue, sampling: Sampling, seed: int) -> None:
        self.plan, self.tongue, self.sampling = plan, tongue, sampling
        self.reply = Reply()
        self.pending: list[int] = []
        self.matcher: Any = None
        self.free = False
        self.done = False
        self.chosen = 0
        self.generator = torch.Generator().manual_seed(seed)

    def go_on(self) -> None:
        """Append what is forced, until the network must choose or the reply is at its end."""
        while not self.done:
            if self.matcher is not None:
                forced = self.matcher.compute_ff_tokens()
                if forced:
                    self.matcher.consume_tokens(forced)
                    self._note_certain(forced)
                    self._take(forced)
                if not self.matcher.is_stopped():
                    return
                self.matcher = None
            elif self.free:
                return
            segment = self.plan.advance(self.tongue.decode(self.reply.ids))
            if segment is None:
                self._finish(whole=True)
            elif isinstance(segment, Force):
                self._take(self.tongue.encode(segment.text))
            elif isinstance(segment, Free):
                self.free = True
            else:
                self.matcher = self.tongue.matcher(segment.grammar)

    def allowed(self) -> np.ndarray | None:
        """The tokens that may follow, ascending; None where any may."""
        if self.matcher is None:
            return None
        bits = np.frombuffer(self.matcher.compute_bitmask(), np.uint8)
        found = np.flatnonzero(np.unpackbits(bits, bitorder="little")[: self.tongue.vocabulary])
        space = self.tongue.space
        if space is None or len(found) < 2 or space not in found or not self._is_cut(space):
            return found
        return found[found != space]

    def _is_cut(self, token: int) -> bool:
        """Whether a token would cut what must follow it otherwise than the tokenizer does: " ",
        "=" for " =". A network goes on as if at random from a cut that it has never read."""
        ahead = self.matcher.deep_copy()
        if not ahead.consume_token(token):
            return False
        rest = ahead.compute_ff_bytes().decode("utf-8", "ignore")
        return bool(rest) and self.tongue.encode(self.tongue.decode([token]) + rest)[0] != token

    def choose(self, logits: Tensor, allowed: np.ndarray | None, token: int | None = None) -> None:
        """Choose the next token from the float32 logits of those allowed, or take the one given."""
        places = torch.arange(len(logits)) if allowed is None else torch.from_numpy(allowed)
        probabilities = logits.softmax(dim=-1)
        at = self._draw(probabilities) if token is None else int((places == token).nonzero())
        token = int(places[at])
        picked = Picked(token, len(self.reply.ids), float(probabilities[at]))
        values = None if allowed is None else self._values(allowed, token)
        if values is not None:
            value = np.array([values.get(t, -1) for t in places.tolist()])
            numbers = np.zeros(len(values))
            numbers[value[value >= 0]] = probabilities.double().numpy()[value >= 0]
            picked = replace(picked, numbers=numbers / numbers.sum(), value=values[token])
        self.reply.picked.append(picked)
        self.chosen += 1
        if token == self.tongue.end:
            self.matcher, self.free = None, False
            return
        if self.matcher is not None:
            self.matcher.consume_token(token)
        self._take([token])

    def _values(self, allowed: np.ndarray, token: int) -> dict[int, int] | None:
        """The values of the tokens for one place of a number, if that is where the token stands.

        One of our own tells it by itself, also where a label could have gone on; a digit does
        where nothing but digits was allowed.
        """
        for values in self.tongue.values:
            own = len(values) > 10
            if token in values and (own or all(int(other) in values for other in allowed)):
                return values
        return None

    def _note_certain(self, forced: Sequence[int]) -> None:
        """Note forced tokens that go on with a number: at the edge of a grid there is one way."""
        for place, token in enumerate(forced, start=len(self.reply.ids)):
            last = self.reply.picked[-1] if self.reply.picked else None
            if last is None or last.numbers is None or last.place != place - 1:
                return
            values = next((v for v in self.tongue.values if token in v), None)
            if values is None:
                return
            numbers = np.zeros(len(values))
            numbers[values[token]] = 1.0
            self.reply.picked.append(Picked(token, place, 1.0, numbers, values[token]))

    def _draw(self, probabilities: Tensor) -> int:
        s = self.sampling
        if s.temperature <= 0:
            return int(probabilities.argmax())
        p = (probabilities.double().log() / s.temperature).softmax(dim=-1)
        p, order = p.sort(descending=True)
        keep = p.cumsum(dim=-1) - p < s.top_p
        if s.top_k:
            keep[s.top_k :] = False
        drawn = torch.multinomial(p * keep, 1, generator=self.generator)
        return int(order[drawn])

    @property
    def forced(self) -> int:
        """How many tokens of the reply the network did not choose."""
        ended = any(p.token == self.tongue.end for p in self.reply.picked)
        return len(self.reply.ids) - self.chosen + ended

    def _take(self, ids: Sequence[int]) -> None:
        self.reply.ids += ids
        self.pending += ids
        if len(self.reply.ids) > self.sampling.max_tokens:
            self._finish(whole=False)

    def stop(self) -> None:
        """End the reply where it is."""
        self._finish(whole=False)

    def _finish(self, whole: bool) -> None:
        self.done, self.reply.whole = True, whole
        self.reply.text = self.tongue.decode(self.reply.ids)


def write(
    network: Any,
    tongue: Tongue,
    prefix: Prefix,
    starts: Sequence[Sequence[int]],
    plans: Sequence[Plan],
    sampling: Sampling | None = None,
    *,
    tally: Tally | None = None,
    watch: Watch | None = None,
    left: Callable[[int], bool] | None = None,
    told: Callable[[int, Sequence[int]], None] | None = None,
) -> list[Reply]:
    """One reply for each row of the prefix, which is used up.

    Each row first reads its tokens of `starts`. Where a row must choose, `watch` is shown its
    place, its reply so far, the logits of the tokens allowed and these tokens (None: any), and
    may name the token. A row of which `left` says, before a pass, that nobody waits for it any more
    ends there, not whole. `told` is shown each row and its reply so far whenever that grows. Raises
    nothing that the network writes could cause.
    """
    sampling, tally = sampling or Sampling(), tally or Tally()
    writers = [_Writer(p, tongue, sampling, sampling.seed + i) for i, p in enumerate(plans)]
    for writer, start in zip(writers, starts, strict=True):
        writer.pending = list(start)
        writer.go_on()
    rows = list(range(len(writers)))
    while True:
        for r in rows:
            if left is not None and not writers[r].done and left(r):
                writers[r].stop()
        open_rows = [r for r in rows if not writers[r].done]
        if not open_rows:
            tally.chosen += sum(w.chosen for w in writers)
            tally.forced += sum(w.forced for w in writers)
            return [w.reply for w in writers]
        if len(open_rows) <= len(rows) // 2:
            prefix = prefix.select([rows.index(r) for r in open_rows])
            rows = open_rows
        chunks = [[] if writers[r].done else writers[r].pending for r in rows]
        prefixes.extend(network, prefix, chunks)
        tally.passes += 1
        choosing = [(i, writers[r]) for i, r in enumerate(rows) if not writers[r].done]
        allowed = [writer.allowed() for _, writer in choosing]
        logits = _logits(network.lm_head, prefix.hidden[[i for i, _ in choosing]], allowed)
        for (i, writer), tokens, found in zip(choosing, allowed, logits, strict=True):
            writer.pending = []
            named = watch and watch(rows[i], writer.reply.ids, found, tokens)
            writer.choose(found, tokens, named)
            writer.go_on()
            if told is not None:
                told(rows[i], writer.reply.ids)


FEW = 8
"""Where fewer than one in so many tokens are allowed, only their rows of the head are read."""


@torch.no_grad()
def _logits(head: nn.Module, hidden: Tensor, allowed: Sequence[np.ndarray | None]) -> list[Tensor]:
    """Float32 logits, on the CPU, of the tokens allowed in each row of hidden (rows, size)."""
    weight = head.weight if type(head) is nn.Linear and head.bias is None else None
    few = [weight is not None and a is not None and len(a) * FEW <= len(weight) for a in allowed]
    rest = [i for i, f in enumerate(few) if not f]
    whole = dict(zip(rest, head(hidden[rest]))) if rest else {}
    out = []
    for i, tokens in enumerate(allowed):
        index = None if tokens is None else torch.from_numpy(tokens).to(hidden.device)
        if few[i] and weight is not None:
            found = nn.functional.linear(hidden[i], weight[index])
        else:
            found = whole[i] if index is None else whole[i][index]
        out.append(found.float().cpu())
    return out
