"""A queue before a model: together, in turn, refused, given up, ended; on models made here."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError
from types import SimpleNamespace

import numpy as np
import pytest

from n3d.errors import ConfigError, InputError, QuestionError
from n3d.geometry import Camera
from n3d.pipelines.predicting import Asked
from n3d.pipelines.serving import Busy, Failed, Late, Limits, Refused, Service
from n3d.scene import RGBD, Prediction

VIEW = RGBD(np.zeros((24, 32, 3), np.uint8), Camera(30, 30, 16, 12, 32, 24))


class Model:
    """Answers with the question itself once `gate` is open; notes its batches."""

    def __init__(self):
        self.gate, self.begun, self.batches = threading.Event(), threading.Event(), []
        self.gave_up = []

    def sampled(self, _):
        return self

    def __call__(self, asked, *, left):
        self.batches.append([a.question for a in asked])
        self.begun.set()
        while not self.gate.wait(0.01) and not all(left(i) for i in range(len(asked))):
            pass
        self.gave_up += [a.question for i, a in enumerate(asked) if left(i)]
        if any("crash" in a.question for a in asked):
            raise RuntimeError("/secret/path")
        return [
            QuestionError("is odd", code="odd") if "odd" in a.question else Prediction(a.question)
            for a in asked
        ]


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def serve(model):
    services = []

    def serve(**limits) -> Service:
        services.append(Service(lambda: model, Limits(**limits)))
        assert services[-1].wait(5)
        return services[-1]

    yield serve
    model.gate.set()
    for service in services:
        service.close(5)


def ask(service, question, sampling=None):
    return service.ask(Asked(VIEW, question), sampling)


def held(service, model):
    """A first request that the model is busy with."""
    first = ask(service, "first")
    assert model.begun.wait(5)
    return first


def test_requests_that_wait_together_are_answered_together(serve, model):
    service = serve(batch=3)
    first = held(service, model)
    others = [ask(service, f"q{i}") for i in range(4)]
    model.gate.set()
    assert [f.result(5).question for f in (first, *others)] == ["first", "q0", "q1", "q2", "q3"]
    assert model.batches == [["first"], ["q0", "q1", "q2"], ["q3"]]
    assert (service.counts.answered, service.counts.batches, service.counts.batched) == (5, 3, 5)


def test_draws_stay_alone_and_others_keep_their_turn(serve, model):
    service = serve()
    drawn = SimpleNamespace(temperature=1.0)
    held(service, model)
    told = [
        ask(service, "a", drawn),
        ask(service, "b", drawn),
        ask(service, "c"),
        ask(service, "d"),
    ]
    model.gate.set()
    assert [f.result(5).question for f in told] == ["a", "b", "c", "d"]
    assert model.batches[1:] == [["a"], ["b"], ["c", "d"]]


def test_one_that_fails_does_not_spoil_the_others(serve, model):
    service = serve()
    held(service, model)
    good, odd, crash = (ask(service, q) for q in ("good", "odd", "crash"))
    model.gate.set()
    assert good.result(5).question == "good"
    with pytest.raises(QuestionError):
        odd.result(5)
    with pytest.raises(Failed) as told:
        crash.result(5)
    assert "/secret/path" not in str(told.value)
    assert ask(service, "next").result(5).question == "next"


def test_a_full_queue_refuses_and_takes_again_where_clients_left(serve, model):
    service = serve(queue=2)
    held(service, model)
    waiting = [ask(service, "a"), ask(service, "b")]
    with pytest.raises(Busy) as told:
        ask(service, "c")
    assert told.value.status == 429
    assert told.value.limit == "2 waiting"
    assert waiting[0].cancel()
    last = ask(service, "d")
    model.gate.set()
    assert last.result(5).question == "d"
    assert ["a"] not in model.batches
    assert not any("a" in b for b in model.batches)
    assert (service.counts.refused, service.counts.left) == (1, 1)


def test_a_client_that_leaves_ends_what_is_written_for_it(serve, model):
    service = serve()
    first = held(service, model)
    assert first.cancel()
    second = ask(service, "second")
    model.gate.set()
    assert second.result(5).question == "second"
    assert model.gave_up == ["first"]
    with pytest.raises(CancelledError):
        first.result(0)
    assert service.counts.left == 1


def test_what_takes_too_long_is_given_up(serve, model):
    service = serve(seconds=0.2)
    first, second = held(service, model), ask(service, "second")
    for future in (first, second):
        with pytest.raises(Late):
            future.result(5)
    assert model.gave_up == ["first"]


def test_closing_answers_what_waits_and_takes_no_more(serve, model):
    service = serve()
    futures = [held(service, model), ask(service, "a"), ask(service, "b")]
    closing = threading.Thread(target=service.close)
    closing.start()
    while service.ready:
        time.sleep(0.01)
    with pytest.raises(Refused):
        ask(service, "late")
    model.gate.set()
    closing.join(5)
    assert [f.result(0).question for f in futures] == ["first", "a", "b"]


def test_a_model_that_cannot_be_loaded_is_a_fault(model):
    def make():
        raise InputError("does not exist", code="checkpoint-missing")

    service = Service(make)
    assert not service.wait(5)
    assert isinstance(service.fault, InputError)
    with pytest.raises(Refused):
        ask(service, "anything")


def test_nothing_is_taken_before_the_model_is_there(model):
    loaded = threading.Event()
    service = Service(lambda: loaded.wait(5) and model)
    with pytest.raises(Refused) as told:
        ask(service, "early")
    assert (told.value.status, told.value.code) == (503, "server-loading")
    loaded.set()
    assert service.wait(5)
    service.close(5)


@pytest.mark.parametrize("name", ["queue", "batch", "keep", "seconds", "body", "pixels"])
def test_limits_are_above_zero(name):
    with pytest.raises(ConfigError) as told:
        Limits(**{name: 0})
    assert told.value.field == name
