from __future__ import annotations

import urllib.request

import pytest

from ops.proxies import ask_this_machine_directly


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_this_machine_is_asked_directly_whatever_proxy_there_is(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    environ = {name: "http://proxy.test:3128", "NO_PROXY": "shop.test"}
    ask_this_machine_directly(environ)
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    for host in ("127.0.0.1:9000", "localhost:9000", "shop.test"):
        assert urllib.request.proxy_bypass_environment(host)
    assert not urllib.request.proxy_bypass_environment("s3.test")


def test_without_a_proxy_nothing_is_set() -> None:
    environ = {"PATH": "/bin"}
    ask_this_machine_directly(environ)
    assert environ == {"PATH": "/bin"}
