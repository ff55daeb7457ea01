"""What a model may write next, as grammars for a constrained decoder.

The text is in the Lark-like syntax of llguidance; a grammar describes one segment of a reply of
`dialogues`: all its boxes, one call of its trace, or one result. Segments end where a tokenizer
never joins what stands on both sides. Whatever a grammar lets through, `dialogues.read` reads.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from n3d.language import grid, labels, tokens
from n3d.language.grid import ANCHOR, Scale
from n3d.scene import Signature, Signatures, quantities

MAX_BOXES = tokens.MAX_OBJECTS
MAX_STEPS = 48

_WORD = r"[\p{L}\p{M}\p{N}_&.\/'+\-]"
_PLAIN = rf"/{_WORD}{{1,24}}( {_WORD}{{1,24}}){{0,5}}/"
_HEX = "[0-9a-fA-F]"
# Any character but NUL, those above U+FFFF as two escapes; no half of such a pair alone.
_ESCAPES = (
    rf"\\u(0{{3}}[1-9a-fA-F]|0{{2}}[1-9a-fA-F]{_HEX}|0[1-9a-fA-F]{_HEX}{{2}}"
    rf"|[1-9a-cA-CeEfF]{_HEX}{{3}}|[dD][0-7]{_HEX}{{2}}"
    rf"|[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}})"
)
_QUOTED = rf'/"([^"\\\x00-\x1f\x7f<>|=\[\]]|\\["\\\/bfnrt]|{_ESCAPES}){{1,60}}"/'
# The look-ahead of the pattern for readers is not needed where a comma or a bracket follows.
_QUANTITY = "/" + quantities.PATTERN.replace("(?![0-9A-Za-z_])", "").replace("/", r"\/") + "/"
_LISTS = {"boxes": "box", "quantities": "quantity"}


def boxes(
    own: bool, upright: bool, scale: Scale | None, *, trace: bool, most: int = MAX_BOXES
) -> str:
    """The boxes of a reply up to where its trace or its end follows, or `none`.

    `own`, `upright` and `scale` are those of the setting: no length leaves the grid. Boxes are
    numbered from 0 without gaps, at most `most`.
    """
    end = '"\\n"' if own or trace else '""'
    rules = ['start: b0 | "none\\n"']
    for i in range(most):
        head = f"<|bbox_{i}|>" if own else f'"bbox_{i}=Bbox("'
        tail = "" if own else ' ")\\n"'
        rules.append(f"b{i}: {head} label numbers{tail} e{i}")
        rules.append(f"e{i}: {end}" + (f" | b{i + 1}" if i + 1 < most else ""))
    rules += ["label: PLAIN | QUOTED", f"PLAIN: {_PLAIN}", f"QUOTED: {_QUOTED}"]
    rules.append(f"numbers: place place length length length length{' yaw' if upright else ''}")
    shift = 0 if scale is None else ANCHOR - scale.index
    cells = max(0, shift), min(grid.CELLS, grid.CELLS + shift) - 1
    if own:
        rules += ["place: coarse fine", f"length: {_own_number(*cells)}"]
        rules.append("coarse: " + _any(f"<|c{i:02d}|>" for i in range(100)))
        rules.append("fine: " + _any(f"<|f{i:02d}|>" for i in range(100)))
        rules.append("yaw: " + _any(f"<|y{i:03d}|>" for i in range(grid.YAW_CELLS)))
    else:
        rules += ["place: /,[0-9]{4}/", f"length: /,({_digits(*cells)})/"]
        rules.append("yaw: /,([0-2][0-9]|3[0-5])[0-9]/")
    return "\n".join(rules)


def _halves(low: int, high: int) -> Iterator[tuple[range, range]]:
    """The numbers of four digits from `low` to `high` as pairs of ranges of their halves."""
    first, last = low // 100, high // 100
    if first == last:
        yield range(first, first + 1), range(low % 100, high % 100 + 1)
        return
    yield range(first, first + 1), range(low % 100, 100)
    if first + 1 < last:
        yield range(first + 1, last), range(100)
    yield range(last, last + 1), range(high % 100 + 1)


def _own_number(low: int, high: int) -> str:
    pairs = []
    for coarse, fine in _halves(low, high):
        lower = "fine" if len(fine) == 100 else f"({_any(f'<|f{i:02d}|>' for i in fine)})"
        pairs.append(f"({_any(f'<|c{i:02d}|>' for i in coarse)}) {lower}")
    return _any(pairs)


def _digits(low: int, high: int) -> str:
    pairs = []
    for coarse, fine in _halves(low, high):
        lower = "[0-9]{2}" if len(fine) == 100 else f"({'|'.join(f'{i:02d}' for i in fine)})"
        pairs.append(f"({'|'.join(f'{i:02d}' for i in coarse)}){lower}")
    return "|".join(pairs)


def call(
    own: bool,
    signatures: Signatures,
    kinds: Mapping[str, str],
    name: str,
    boxes: Mapping[int, str],
    *,
    may_name: bool = True,
    may_end: bool = False,
) -> str:
    """One call of a trace with its prompt, or the end where `may_end`.

    `boxes` are the numbers and labels of what was written, `kinds` the kinds of the results that
    have a name, and `name` what the next result is called if it gets one.
    """
    known: dict[str, list[str]] = {}
    for bound, kind in kinds.items():
        known.setdefault(kind, []).append(f'"{bound}"')
    known.setdefault("box", []).extend(_box(own, i) for i in boxes)
    known.setdefault("quantity", []).append("QUANTITY")
    for many, one in _LISTS.items():
        known.setdefault(many, []).append(_list(one, least=1))
    # Truth is written by results only: as an argument it is the name of one.
    found = sorted({_label(own, n) for n in boxes.values()})
    known.setdefault("text", []).extend(found)
    known["any"] = list(known)
    rules = [f"{kind}: {_any(ways)}" for kind, ways in known.items() if ways]
    rules.append(f"QUANTITY: {_QUANTITY}")
    ops = [_operation(s, known) for s in signatures.values() if _possible(s, known)]
    start = f'start: ">>> " {f"""("{name} = ")? """ if may_name else ""}op ")\\n"'
    rules += [start + (' | ""' if may_end else ""), "op: " + _any(ops)]
    return "\n".join(rules)


def _possible(signature: Signature, known: Collection[str]) -> bool:
    """Whether there is something for every argument that an operation needs."""
    return all(kind.endswith("?") or kind in known for kind in signature.args)


def _operation(signature: Signature, known: Collection[str]) -> str:
    args = []
    for kind in signature.args:
        plain = kind.removesuffix("?")
        if plain not in known:
            break
        if plain == "text" and signature.words:
            plain = f"({_any(_quoted(labels.quote(w)) for w in signature.words)})"
        joined = f'", " {plain}' if args else plain
        args.append(f"({joined})?" if kind.endswith("?") else joined)
    return f'"{signature.op}(" {" ".join(args)}'


def value(own: bool, signature: Signature, boxes: Collection[int]) -> str:
    """The result of an operation with its line break."""
    rules = [
        f"box: {_any(_box(own, i) for i in boxes)}",
        f"quantity: {_QUANTITY}",
        'bool: "yes" | "no"',
    ]
    rules += [f"{many}: {_list(one, least=0)}" for many, one in _LISTS.items()]
    rules += ["text: WORD", "WORD: /[a-z]{1,20}([_ ][a-z]{1,20}){0,3}/ & ~/yes|no/"]
    rules.append("any: box | quantity | boxes | quantities | bool | text")
    return "\n".join([f'start: {signature.returns} "\\n"', *rules])


def _list(one: str, least: int) -> str:
    """A list of at most as many as there may be boxes."""
    items = f'{one} (", " {one}){{0,{MAX_BOXES - 1}}}'
    return f'"[" {items} "]"' if least else f'"[" ({items})? "]"'


def _box(own: bool, number: int) -> str:
    return f"<|bbox_{number}|>" if own else f'"bbox_{number}"'


def _label(own: bool, name: str) -> str:
    """A label as a text of a trace; what reads like a box there is written as its token."""
    text = labels.quote(name)
    parts = re.split(r"(<\|bbox_[0-9]+\|>)", tokens.refs_to_tokens(text) if own else text)
    return " ".join(part if i % 2 else _quoted(part) for i, part in enumerate(parts))


def _any(parts: Iterable[str]) -> str:
    return " | ".join(parts)


def _quoted(text: str) -> str:
    """A literal of the grammar."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
