"""Replicas on Ray: sizes as they are written, and a fleet that loses one of two."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
from concurrent.futures import wait

import numpy as np
import pytest

from n3d.errors import ConfigError, InputError
from n3d.geometry import Camera
from n3d.pipelines import replicas
from n3d.pipelines.predicting import Asked
from n3d.pipelines.serving import Limits, Refused
from n3d.scene import RGBD, Prediction

RAY = importlib.util.find_spec("ray") is not None and importlib.util.find_spec("grpc") is not None
VIEW = RGBD(np.zeros((8, 8, 3), np.uint8), Camera(8, 8, 4, 4, 8, 8))
SECONDS = 300.0


@pytest.mark.parametrize(
    ("text", "size"), [("2", (2, 2)), ("1-4", (1, 4)), ("3-3", (3, 3)), ("1", (1, 1))]
)
def test_a_size_is_a_number_or_a_range(text, size):
    found = replicas.read(text, cpus=0.5, gpus=1)
    assert (found.least, found.most, found.cpus, found.gpus) == (*size, 0.5, 1)


@pytest.mark.parametrize("text", ["", "0", "-1", "4-1", "two", "1-2-3", "1.5", "9999"])
def test_what_is_no_size_is_said(text):
    with pytest.raises(ConfigError) as told:
        replicas.read(text)
    assert told.value.field == "replicas"


@pytest.mark.parametrize("given", [{"cpus": -1}, {"gpus": float("nan")}])
def test_parts_of_machines_are_no_less_than_none(given):
    with pytest.raises(ConfigError) as told:
        replicas.read("2", **given)
    assert [told.value.field] == list(given)


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"n3d\[ray\]"):
        replicas.ready()


def maker(broken: str = ""):
    """What makes a model that says the number of its process. Made here, so that Ray carries it
    to processes that do not know this file."""

    class Model:
        def __init__(self):
            if broken:
                raise InputError(broken, code="broken", field="model")
            self.known = set()

        def sampled(self, sampling):
            return self

        def __call__(self, asked, *, left):
            time.sleep(0.05)
            seen = [id(a.view) in self.known for a in asked]
            self.known |= {id(a.view) for a in asked}
            return [Prediction(f"{os.getpid()} {s} {a.text}") for a, s in zip(asked, seen)]

    return Model


def fleet(size="2", broken="", **limits):
    from n3d.pipelines.scaling import Fleet

    limits = {"seconds": SECONDS, "batch": 4, "queue": 400} | limits
    return Fleet(maker(broken), replicas.read(size, cpus=0.5), Limits(**limits))


@pytest.fixture(scope="module")
def cluster():
    """One on this machine, for all tests of this page: to begin one takes long."""
    if not RAY:
        pytest.skip("needs the extra: pip install 'n3d[ray]'")
    import ray

    from n3d.engine import clusters

    assert clusters.connect(2)
    yield
    ray.shutdown()


@pytest.mark.slow
def test_a_replica_that_is_killed_costs_no_answer(cluster):
    found = fleet()
    try:
        assert found.wait(SECONDS), found.fault
        first = [found.ask(Asked(VIEW, f"{i}?")) for i in range(16)]
        told = [f.result(SECONDS).question.split() for f in first]
        pids = {int(pid) for pid, _, _ in told}
        assert len(pids) == 2
        assert any(seen == "True" for _, seen, _ in told)  # a view is the same when it comes again
        asked = [found.ask(Asked(VIEW, f"more {i}?")) for i in range(120)]
        wait(asked[:1], SECONDS)
        os.kill(min(pids), signal.SIGKILL)
        said = [f.result(SECONDS).question for f in asked]
        assert [s.partition("more ")[2] for s in said] == [f"{i}?" for i in range(120)]
        assert found.counts.answered == 136
        assert 1 < found.counts.batches < found.counts.batched
        last = [found.ask(Asked(VIEW, f"last {i}?")) for i in range(8)]
    finally:
        found.close(SECONDS)
    assert [f.result(0).question.partition("last ")[2] for f in last] == [f"{i}?" for i in range(8)]
    with pytest.raises(Refused, match="ending"):
        found.ask(Asked(VIEW, "too late?"))


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_is_said_once(cluster):
    found = fleet("1", broken="is no model")
    try:
        assert not found.wait(SECONDS)
        assert isinstance(found.fault, InputError)
        assert found.fault.code == "broken"
    finally:
        found.close(5)
