"""Values, traces, queries, answers and checks as JSON and back.

A value is JSON as far as JSON goes: true, "left", [...]; an object is "bbox_0" (a text that
looks like one is {"text": "bbox_0"}); a quantity is {"value": 1.56, "unit": "m"} with "sigma"
and "of" where known; the result of an earlier step, in arguments, is {"var": "a"}.
"""

from __future__ import annotations

import re
from typing import Any, cast

from n3d.scene import fields
from n3d.scene.fields import Fields
from n3d.scene.traces import QA, Answer, Check, Quantity, Query, Ref, Step, Trace, Unit, Var

_REF = re.compile(r"bbox_(0|[1-9][0-9]{0,8})", re.ASCII)
_MAX_DEPTH = 16


def value_to_json(value: Any) -> Any:
    """A value of a trace, or an argument of a step, as JSON (form: see the module)."""
    if isinstance(value, Ref):
        return str(value)
    if isinstance(value, Var):
        return {"var": fields.text(value.name, "var")}
    if isinstance(value, Quantity):
        out: dict[str, Any] = {"value": fields.number(value.value, "value"), "unit": value.unit}
        if value.sigma is not None:
            out["sigma"] = fields.number(value.sigma, "sigma")
        if value.of is not None:
            out["of"] = str(value.of)
        return out
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        plain = fields.text(value, "text")
        return {"text": plain} if _REF.fullmatch(plain) else plain
    if isinstance(value, (tuple, list)):
        return [value_to_json(v) for v in value]
    raise fields.refused(f"a trace holds no {type(value).__name__}", "value")


def value_from_json(data: Any, _depth: int = 0) -> Any:
    """The value or argument that `value_to_json` wrote; lists become tuples."""
    if _depth > _MAX_DEPTH:
        raise fields.refused("is nested too deeply", "value")
    if isinstance(data, bool):
        return data
    if isinstance(data, str):
        text = fields.text(data, "value")
        return _ref(text, "value") if _REF.fullmatch(text) else text
    if isinstance(data, (list, tuple)):
        return tuple(value_from_json(v, _depth + 1) for v in data)
    if not isinstance(data, dict):
        raise fields.refused(f"must be a value of a trace, got {data!r}", "value")
    f = Fields(data, "Quantity")
    if "var" in data:
        out: Any = Var(f.take("var", fields.text))
    elif "text" in data:
        out = f.take("text", fields.text)
    else:
        out = Quantity(
            f.take("value", fields.number),
            cast(Unit, f.take("unit", fields.text)),  # checked by Quantity
            f.take("sigma", fields.number, None),
            f.take("of", _ref, None),
        )
    f.done()
    return out


def _ref(value: Any, field: str) -> Ref:
    found = _REF.fullmatch(fields.text(value, field))
    if not found:
        raise fields.refused(f"must be an object such as bbox_0, got {value!r}", field)
    return Ref(int(found[1]))


def _value(value: Any, field: str) -> Any:
    return fields.one(value_from_json)(value, field)


# -- traces -------------------------------------------------------------------------------


def trace_to_json(trace: Trace) -> list[dict[str, Any]]:
    """A list of steps {"op", "args", "out"} with "name" where the result is bound."""
    return list(fields.many(_step_to_json)(trace.steps, "trace"))


def _step_to_json(step: Step) -> dict[str, Any]:
    out = {
        "op": fields.text(step.op, "op"),
        "args": [value_to_json(a) for a in step.args],
        "out": value_to_json(step.out),
    }
    return out if step.name is None else {"name": fields.text(step.name, "name"), **out}


def trace_from_json(data: Any) -> Trace:
    """The Trace of a list of steps."""
    return Trace(fields.many(_step_from_json)(data, "trace"))


def _step_from_json(data: Any) -> Step:
    f = Fields(data, "Step")
    step = Step(
        op=f.take("op", fields.text),
        args=f.take("args", fields.many(value_from_json)),
        out=f.take("out", _value),
        name=f.take("name", fields.text, None),
    )
    f.done()
    return step


# -- queries, answers ---------------------------------------------------------------------


def query_to_json(query: Query) -> dict[str, Any]:
    return {
        "kind": fields.text(query.kind, "kind"),
        "names": fields.plain(query.names, "names"),
        "options": fields.plain(query.options, "options"),
        "question": fields.text(query.question, "question"),
    }


def query_from_json(data: Any) -> Query:
    f = Fields(data, "Query")
    query = Query(
        f.take("kind", fields.text),
        f.take("names", fields.many(lambda v: fields.text(v, ""))),
        f.take("options", fields.mapping, {}),
        f.take("question", fields.text, ""),
    )
    f.done()
    return query


def answer_to_json(answer: Answer) -> dict[str, Any]:
    return {
        "text": fields.text(answer.text, "text"),
        "value": value_to_json(answer.value),
        **{k: _number(getattr(answer, k), k) for k in ("number", "probability", "level")},
        "unit": None if answer.unit is None else fields.text(answer.unit, "unit"),
        "interval": _interval(answer.interval),
    }


def answer_from_json(data: Any) -> Answer:
    f = Fields(data, "Answer")
    answer = Answer(
        text=f.take("text", fields.text),
        value=f.take("value", _value),
        number=f.take("number", fields.number, None),
        unit=f.take("unit", fields.text, None),
        interval=f.take("interval", fields.pair, None),
        probability=f.take("probability", fields.number, None),
        level=f.take("level", fields.number, 0.9),
    )
    f.done()
    return answer


def _number(value: float | None, field: str) -> float | None:
    return None if value is None else fields.number(value, field)


def _interval(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else fields.numbers(interval, "interval")


def check_to_json(check: Check) -> dict[str, Any]:
    return {
        "agrees": bool(check.agrees),
        "step": check.step,
        "expected": None if check.expected is None else value_to_json(check.expected),
        "got": None if check.got is None else value_to_json(check.got),
        "interval": _interval(check.interval),
        "reason": fields.text(check.reason, "reason"),
    }


def check_from_json(data: Any) -> Check:
    f = Fields(data, "Check")
    check = Check(
        agrees=f.take("agrees", fields.flag),
        step=f.take("step", fields.whole, None),
        expected=f.take("expected", _value, None),
        got=f.take("got", _value, None),
        interval=f.take("interval", fields.pair, None),
        reason=f.take("reason", fields.text, ""),
    )
    f.done()
    return check


def qa_to_json(qa: QA) -> dict[str, Any]:
    return {
        "id": fields.text(qa.id, "id"),
        "scene_id": fields.text(qa.scene_id, "scene_id"),
        "kind": fields.text(qa.kind, "kind"),
        "question": fields.text(qa.question, "question"),
        "trace": None if qa.trace is None else trace_to_json(qa.trace),
        "answer": answer_to_json(qa.answer),
        "query": None if qa.query is None else query_to_json(qa.query),
        "objects": [int(i) for i in qa.objects],
        "attributes": fields.plain(qa.attributes, "attributes"),
    }


def qa_from_json(data: Any) -> QA:
    f = Fields(data, "QA")
    qa = QA(
        id=f.take("id", fields.text, ""),
        scene_id=f.take("scene_id", fields.text),
        kind=f.take("kind", fields.text),
        question=f.take("question", fields.text),
        trace=f.take("trace", fields.one(trace_from_json), None),
        answer=f.take("answer", fields.one(answer_from_json)),
        query=f.take("query", fields.one(query_from_json), None),
        objects=f.take("objects", fields.many(lambda v: fields.whole(v, ""))),
        attributes=f.take("attributes", fields.mapping, {}),
    )
    f.done()
    return qa
