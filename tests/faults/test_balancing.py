"""Two web instances behind a real balancer: killed and rolled under load, senders see no error."""

from __future__ import annotations

import signal
import time
import urllib.parse
from collections.abc import Iterator

import psutil
import pytest

from tests.faults.balancer import Balancer
from tests.faults.beside import WebInstance, running
from tests.faults.form import in_full
from tests.faults.ground import Ground
from tests.faults.installation import answers_http, wait_until
from tests.faults.load import SENDERS
from tests.faults.test_faults import endured

pytestmark = pytest.mark.timeout(900)

#: In the short form one of them is rolled and the other has an instance killed.
ROLLED = ("haproxy", *in_full("nginx"))
KILLED = ("nginx", *in_full("haproxy"))
BACK_SECONDS = 60


@pytest.fixture(scope="module")
def second(ground: Ground) -> Iterator[WebInstance]:
    instance = WebInstance(ground.sluice, "web-2")
    with running(instance):
        yield instance


@pytest.fixture(scope="module")
def balancer(
    request: pytest.FixtureRequest,
    ground: Ground,
    second: WebInstance,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Balancer]:
    urls = (ground.sluice.status["web"], second.url)
    addresses = [urllib.parse.urlsplit(url).netloc for url in urls]
    folder = tmp_path_factory.mktemp(request.param)
    with Balancer(request.param, folder / "balancer", addresses) as running_one:
        yield running_one


@pytest.mark.parametrize("balancer", ROLLED, indirect=True)
def test_rolled_under_load(
    ground: Ground, balancer: Balancer, second: WebInstance, request: pytest.FixtureRequest
) -> None:
    kind = request.node.callspec.params["balancer"]

    def roll(found: Ground) -> None:
        before = processor_seconds(found, second)
        found.hold(2, 5)
        after = processor_seconds(found, second)
        assert all(b > a for a, b in zip(before, after, strict=True)), "one of them got no load"
        second.end(signal.SIGTERM)
        found.hold(1, 5)
        second.start()
        balancer.await_return("web2")
        pids = found.sluice.tree("web")
        psutil.Process(pids[0]).terminate()
        back(found.sluice.status["web"])
        found.hold(1, 5)

    outcome = ground.endure(
        f"TERM of two web instances in turn behind {kind}", roll, web=balancer.url
    )
    assert (outcome.refused, outcome.unanswered) == ({}, 0), outcome
    endured(outcome)


@pytest.mark.parametrize("balancer", KILLED, indirect=True)
def test_one_killed_twice_under_load(
    ground: Ground, balancer: Balancer, second: WebInstance, request: pytest.FixtureRequest
) -> None:
    kind = request.node.callspec.params["balancer"]
    kills = 2

    def kill(found: Ground) -> None:
        for _ in range(kills):
            second.kill()
            found.hold(1.5, 5)
            second.start()
            found.hold(0.5, 5)

    name = f"SIGKILL of one of two web instances behind {kind}, twice"
    outcome = ground.endure(name, kill, web=balancer.url)
    # Only what was inside the instance at the instant of a kill has no answer: a request of it may
    # be stored, so no balancer may send it again.
    lost_answers = ground.sent.failed_requests
    assert lost_answers <= kills * SENDERS, outcome
    endured(outcome)


def processor_seconds(ground: Ground, second: WebInstance) -> list[float]:
    """What each instance's processes have worked: an idle one shows."""
    parents = [ground.sluice.process("web")["pid"], second.pid]
    return [sum(_used(child) for child in psutil.Process(pid).children(True)) for pid in parents]


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def back(url: str) -> None:
    """Wait until an instance that was ended answers again."""
    time.sleep(0.5)
    wait_until(lambda: answers_http(url), BACK_SECONDS, "the instance is back")
