"""The file server's HTTP face for events, over real stores."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

import pytest
import zstandard
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from app.files.desk import FilesDesk, open_desk
from app.files.events import event_path
from app.files.factory import create_app
from app.files.signing import Signer, open_signer
from config.settings import Secret, SecretList, Settings
from tests.integration.api_world import TOKEN, World, crash, open_world

BODY = crash("read me by parts", custom="x" * 2000)
SHOP_TOKEN = "shop-token-0123456789abcdef"


@pytest.fixture(scope="module")
def world(module_settings: Settings) -> Iterator[World]:
    with open_world(module_settings) as world:
        world.stores.tokens.create("shop", SHOP_TOKEN, world.numbers["shop"])
        yield world


@pytest.fixture(scope="module")
def desk(module_settings: Settings) -> Iterator[FilesDesk]:
    desk = open_desk(module_settings)
    yield desk
    desk.database.close()


@pytest.fixture(scope="module")
def client(desk: FilesDesk) -> FlaskClient:
    return create_app(desk).test_client()


@pytest.fixture(scope="module")
def shop_event(world: World) -> UUID:
    return world.seed([BODY, crash("another")], "shop")[0]


@pytest.fixture(scope="module")
def blog_event(world: World) -> UUID:
    return world.seed([crash("of the blog")], "blog")[0]


def get(
    client: FlaskClient, event: UUID, token: str | None = TOKEN, **headers: str
) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        named["Authorization"] = f"Bearer {token}"
    return client.get(event_path(event), headers=named)


def code(answer: TestResponse) -> str:
    found: str = answer.get_json()["error"]["code"]
    return found


def signed(settings: Settings, event: UUID, project_id: int, seconds: float = 60) -> str:
    signer = open_signer(settings)
    assert signer is not None
    return signer.sign("read", event_path(event), project_id, int(time.time() + seconds))


def test_the_bytes_are_those_that_were_sent_and_no_browser_runs_them(
    client: FlaskClient, shop_event: UUID
) -> None:
    answer = get(client, shop_event)
    assert (answer.status_code, answer.data) == (200, BODY)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "Sluice-Redacted" not in answer.headers


def test_head_says_the_same_without_the_bytes(client: FlaskClient, shop_event: UUID) -> None:
    whole = get(client, shop_event)
    head = client.head(event_path(shop_event), headers={"Authorization": f"Bearer {TOKEN}"})
    assert head.data == b""
    assert head.headers["Content-Length"] == str(len(BODY))
    assert head.headers["ETag"] == whole.headers["ETag"]


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=10-", slice(10, None)),
        ("bytes=-7", slice(-7, None)),
        (f"bytes=-{10**9}", slice(0, None)),
        (f"bytes=5-{10**9}", slice(5, None)),
        ("bytes=0-0", slice(0, 1)),
    ],
)
def test_a_range_is_answered_with_its_bytes(
    client: FlaskClient, shop_event: UUID, asked: str, part: slice
) -> None:
    answer = get(client, shop_event, Range=asked)
    assert (answer.status_code, answer.data) == (206, BODY[part])
    start, stop, _ = part.indices(len(BODY))
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(BODY)}"


@pytest.mark.parametrize("asked", [f"bytes={len(BODY)}-", "bytes=-0", f"bytes={10**15}-"])
def test_a_range_after_the_end_is_416(client: FlaskClient, shop_event: UUID, asked: str) -> None:
    answer = get(client, shop_event, Range=asked)
    assert (answer.status_code, code(answer)) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{len(BODY)}"


@pytest.mark.parametrize(
    "asked",
    ["bytes=9-3", "bytes=a-b", "items=0-1", "bytes=0-1,4-5", "bytes=-", "bytes=" + "9" * 9],
)
def test_a_range_that_is_none_is_left_out_of_account(
    client: FlaskClient, shop_event: UUID, asked: str
) -> None:
    answer = get(client, shop_event, Range=asked)
    assert (answer.status_code, answer.data) == (200, BODY)


def test_conditions_hold_by_the_entity_tag(client: FlaskClient, shop_event: UUID) -> None:
    etag = get(client, shop_event).headers["ETag"]
    same = get(client, shop_event, If_None_Match=f'"other", {etag}')
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", etag)
    assert get(client, shop_event, If_None_Match="*").status_code == 304
    assert get(client, shop_event, If_None_Match='"other"').status_code == 200
    assert get(client, shop_event, If_Match=etag).status_code == 200
    assert get(client, shop_event, If_Match="*").status_code == 200
    changed = get(client, shop_event, If_Match='"other"')
    assert (changed.status_code, code(changed)) == (412, "precondition_failed")
    held = {"Range": "bytes=0-3"}
    assert get(client, shop_event, If_Range=etag, **held).status_code == 206
    assert get(client, shop_event, If_Range=f"W/{etag}", **held).status_code == 200
    assert get(client, shop_event, If_Range='"other"', **held).status_code == 200


@pytest.mark.parametrize(
    ("accepts", "encoding"),
    [
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("gzip, zstd", "zstd"),
        ("gzip, zstd;q=0.5", "gzip"),
        ("zstd;q=0", None),
        ("identity, gzip;q=0.2", None),
        ("br", None),
    ],
)
def test_the_encoding_is_the_one_the_client_likes_best(
    client: FlaskClient, shop_event: UUID, accepts: str, encoding: str | None
) -> None:
    answer = get(client, shop_event, Accept_Encoding=accepts)
    plain = get(client, shop_event)
    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Vary"] == "Accept-Encoding"
    decode = {"gzip": gzip.decompress, "zstd": zstandard.decompress, None: bytes}[encoding]
    assert decode(answer.data) == BODY
    assert (answer.headers["ETag"] == plain.headers["ETag"]) == (encoding is None)
    again = get(client, shop_event, Accept_Encoding=accepts, If_None_Match=answer.headers["ETag"])
    assert again.status_code == 304


def test_a_range_is_never_of_encoded_bytes(client: FlaskClient, shop_event: UUID) -> None:
    answer = get(client, shop_event, Accept_Encoding="gzip", Range="bytes=0-9")
    assert (answer.status_code, answer.data) == (206, BODY[:10])
    assert "Content-Encoding" not in answer.headers


def test_who_sends_no_good_token_is_told_so(client: FlaskClient, shop_event: UUID) -> None:
    missing, unknown = get(client, shop_event, None), get(client, shop_event, "wrong-token")
    assert (missing.status_code, code(missing)) == (401, "token_missing")
    assert (unknown.status_code, code(unknown)) == (401, "token_unknown")


def test_another_projects_event_is_as_if_it_was_not_there(
    client: FlaskClient, shop_event: UUID, blog_event: UUID
) -> None:
    assert get(client, shop_event, SHOP_TOKEN).status_code == 200
    unknown = get(client, UUID(int=7), SHOP_TOKEN)
    foreign = get(client, blog_event, SHOP_TOKEN)
    assert (foreign.status_code, foreign.data) == (unknown.status_code, unknown.data)
    assert (unknown.status_code, code(unknown)) == (404, "not_found")
    assert get(client, blog_event, SHOP_TOKEN, If_None_Match="*").status_code == 404
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/files/v1/events/no-id", headers=bearer).status_code == 404


def test_a_signed_url_opens_its_event_and_nothing_else(
    world: World, client: FlaskClient, shop_event: UUID, blog_event: UUID, settings: Settings
) -> None:
    shop, blog = world.numbers["shop"], world.numbers["blog"]
    url = signed(settings, shop_event, shop)
    assert client.get(url).data == BODY
    assert client.get(url, headers={"Range": "bytes=0-3"}).data == BODY[:4]
    assert client.head(url).status_code == 200
    # What was signed for one path opens no other, and one project's opens no other's event.
    stolen = url.replace(str(shop_event), str(blog_event))
    assert (client.get(stolen).status_code, code(client.get(stolen))) == (403, "signature_invalid")
    foreign = client.get(signed(settings, blog_event, shop))
    assert (foreign.status_code, code(foreign)) == (404, "not_found")
    assert client.get(signed(settings, blog_event, blog)).status_code == 200


def test_a_signed_url_that_was_changed_opens_nothing(
    world: World, client: FlaskClient, shop_event: UUID, settings: Settings
) -> None:
    url = signed(settings, shop_event, world.numbers["shop"])
    path, pairs = urlsplit(url).path, dict(parse_qsl(urlsplit(url).query))
    later = str(int(pairs["expires"]) + 1)
    signature = pairs["signature"]
    for change in (
        {"expires": later},
        {"expires": f"0{pairs['expires']}"},
        {"expires": ""},
        {"expires": "9" * 40},
        {"project": str(world.numbers["blog"])},
        {"project": "shop"},
        {"signature": ""},
        {"signature": signature + "="},
        {"signature": signature.swapcase()},
        {"signature": "\u00e4\u0000"},
    ):
        answer = client.get(f"{path}?{urlencode({**pairs, **change})}")
        assert (answer.status_code, code(answer)) == (403, "signature_invalid"), change
    twice = client.get(f"{url}&project={world.numbers['blog']}")
    assert (twice.status_code, code(twice)) == (403, "signature_invalid")
    signer = open_signer(settings)
    assert signer is not None
    write = signer.sign("write", path, world.numbers["shop"], int(time.time()) + 60)
    assert code(client.get(write)) == "signature_invalid"


def test_an_expired_url_says_so_and_a_wrong_one_does_not_say_when(
    world: World, client: FlaskClient, shop_event: UUID, settings: Settings
) -> None:
    expired = client.get(signed(settings, shop_event, world.numbers["shop"], -1))
    assert (expired.status_code, code(expired)) == (403, "signature_expired")
    forged = Signer([Secret("guessed")]).sign(
        "read", event_path(shop_event), world.numbers["shop"], int(time.time()) - 1
    )
    assert code(client.get(forged)) == "signature_invalid"


def test_a_replaced_session_key_leaves_urls_good_while_it_is_a_fallback(
    world: World, shop_event: UUID, settings: Settings
) -> None:
    url = signed(settings, shop_event, world.numbers["shop"])
    for fallbacks, status in ((SecretList([settings.session_key]), 200), (SecretList(), 403)):
        rotated = replace(settings, session_key=Secret("another"), session_key_fallbacks=fallbacks)
        desk = open_desk(rotated)
        try:
            client = create_app(desk).test_client()
            assert client.get(url).status_code == status
            new = signed(rotated, shop_event, world.numbers["shop"])
            assert client.get(new).status_code == 200
        finally:
            desk.database.close()


def test_without_a_session_key_no_signature_is_good(
    world: World, shop_event: UUID, settings: Settings
) -> None:
    forged = Signer([Secret("")]).sign(
        "read", event_path(shop_event), world.numbers["shop"], int(time.time()) + 60
    )
    desk = open_desk(replace(settings, session_key=Secret("")))
    try:
        answer = create_app(desk).test_client().get(forged)
        assert (answer.status_code, code(answer)) == (403, "signature_invalid")
    finally:
        desk.database.close()


def test_a_redacted_event_says_so(world: World, client: FlaskClient) -> None:
    (envelope,) = world.envelopes([crash("redacted")], "shop")
    redacted = replace(envelope, redacted=3)
    world.accept([envelope])
    world.store([redacted])
    assert get(client, redacted.id).headers["Sluice-Redacted"] == "3"


def reads(client: FlaskClient) -> dict[str, float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        sample.labels["found"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name == "sluice_files_cache_reads_total"
    }


def test_a_second_read_comes_from_the_cache_and_the_metric_says_so(
    world: World, client: FlaskClient
) -> None:
    first, second = world.seed([crash("one frame"), crash("holds both")], "shop")
    before = reads(client)
    assert get(client, first).status_code == get(client, second).status_code == 200
    after = reads(client)
    assert after["miss"] - before["miss"] == 1
    assert after["memory"] - before["memory"] == 1


def test_a_pack_that_is_gone_is_told_and_one_that_moved_is_found(
    world: World, client: FlaskClient, desk: FilesDesk
) -> None:
    (moved,) = world.seed([crash("moves")], "shop")
    row = world.stores.events.find(moved)
    assert row is not None
    stale = replace(row, location=replace(row.location, pack_key="packs/00/x.pack"))
    assert desk.reader.read(stale) == crash("moves")

    (lost,) = world.seed([crash("is lost")], "shop")
    row = world.stores.events.find(lost)
    assert row is not None
    world.stores.files._bucket._client.delete_object(
        Bucket=world.stores.settings.s3_bucket, Key=row.location.pack_key
    )
    answer = get(client, lost)
    assert (answer.status_code, code(answer)) == (500, "payload_unreadable")


def test_health_needs_no_token_and_names_what_is_away(
    client: FlaskClient, settings: Settings
) -> None:
    assert client.get("/health/live").get_json() == {"status": "alive"}
    assert client.get("/health/ready").get_json()["status"] == "ready"
    away = replace(settings, s3_endpoint="http://127.0.0.1:9")
    desk = open_desk(away)
    try:
        answer = create_app(desk).test_client().get("/health/ready")
        assert (answer.status_code, answer.get_json()["status"]) == (200, "degraded")
    finally:
        desk.database.close()


def test_a_store_that_is_away_is_503_and_the_cache_serves_without_the_object_store(
    world: World, client: FlaskClient, settings: Settings, shop_event: UUID
) -> None:
    assert get(client, shop_event).status_code == 200
    (unread,) = world.seed([crash("never read")], "shop")
    desk = open_desk(replace(settings, s3_endpoint="http://127.0.0.1:9"))
    try:
        alone = create_app(desk).test_client()
        assert get(alone, shop_event).data == BODY
        assert reads(alone)["disk"] == 1
        answer = get(alone, unread)
        assert (answer.status_code, code(answer)) == (503, "store_down")
        assert answer.headers["Retry-After"]
    finally:
        desk.database.close()
