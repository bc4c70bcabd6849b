from __future__ import annotations

import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.home import Home, State, write_private
from ops.paths import CHECKOUT, cache_path, home_path
from ops.ports import FIRST, LAST, is_free, keep_or_choose
from ops.stack.plan import local_address
from ops.supervision.remote import LONGEST_SOCKET_PATH, choose_socket


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_state_survives_and_is_private(home: Home) -> None:
    home.save(State(ports={"valkey": 20001}, secrets={"token": "t"}, sampled=True))
    assert home.load() == State(ports={"valkey": 20001}, secrets={"token": "t"}, sampled=True)
    assert stat.S_IMODE((home.root / "state.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700


def test_state_of_another_version_is_read(home: Home) -> None:
    (home.root / "state.json").write_text(json.dumps({"ports": {"web": 1}, "novelty": True}))
    assert home.load().ports == {"web": 1}


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_broken_state_is_one_sentence(home: Home, content: str) -> None:
    (home.root / "state.json").write_text(content)
    with pytest.raises(OpsError, match=r"state\.json"):
        home.load()


def test_a_home_that_cannot_be_made_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OpsError, match="SLUICE_HOME"):
        Home(tmp_path / "file" / "home").make()


def test_a_full_disk_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.home.MINIMUM_FREE_BYTES", 1 << 60)
    with pytest.raises(OpsError, match="MiB free"):
        home.check_space()


def test_private_files_are_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_private(path, "one")
    write_private(path, "two")
    assert path.read_text() == "two"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_come_from_the_environment() -> None:
    assert home_path({}) == CHECKOUT / ".sluice"
    assert home_path({"SLUICE_HOME": "/srv/x"}) == Path("/srv/x")
    assert cache_path({"XDG_CACHE_HOME": "/c"}) == Path("/c/sluice")
    assert cache_path({"SLUICE_CACHE": "/d", "XDG_CACHE_HOME": "/c"}) == Path("/d")


def test_a_kept_port_stays_until_a_stranger_has_it(taken_port: int) -> None:
    chosen = keep_or_choose(["a", "b"], {"b": taken_port})
    assert chosen["b"] != taken_port
    assert all(FIRST <= port <= LAST for port in chosen.values())
    assert keep_or_choose(["a", "b"], chosen) == chosen


def test_a_listener_takes_a_port(taken_port: int) -> None:
    assert not is_free(taken_port)


def test_a_place_where_nobody_can_listen_is_no_taken_port() -> None:
    with pytest.raises(OSError, match="assign"):
        is_free(0, "192.0.2.1")


def test_a_port_is_looked_at_in_the_host_s_own_family() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as listener:
        listener.bind(("::1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not is_free(port, "::1")
    assert local_address("::1", "8000") == "http://[::1]:8000"
    assert local_address("::", "8000") == "http://127.0.0.1:8000"


def test_a_long_home_has_its_socket_elsewhere_and_keeps_it(tmp_path: Path) -> None:
    deep = Home(tmp_path / ("x" * 100))
    chosen = choose_socket(deep, "")
    assert len(chosen) <= LONGEST_SOCKET_PATH
    assert choose_socket(deep, chosen) == chosen
    Path(chosen).parent.rmdir()
