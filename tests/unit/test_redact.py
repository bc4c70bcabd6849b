"""Redaction: what is blanked, what is not, and that all else keeps its bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pack_samples import CORPUS, corpus_crashes, envelope

from events.envelope import Envelope
from events.redact.matches import MARKER
from events.redact.patterns import KnownKey
from events.redact.redactor import Redactor
from events.redact.rules import DEFAULT_VALUES, BadRules, Rules, rules_of
from events.registry import event_type

SIGN = MARKER.decode()
DEFAULT = Redactor(Rules())
ALL = Redactor(Rules(values=dict.fromkeys(DEFAULT_VALUES, True)))
CARD = "4111 1111 1111 1111"


def redacted(body: Any, redactor: Redactor = DEFAULT) -> Any:
    """What becomes of a body that was made from Python, and back."""
    made = redactor.redact(envelope(1, json.dumps(body).encode()))
    return json.loads(made.body)


@pytest.mark.parametrize(
    "name",
    [
        "password", "Password", "userPassword", "db_passwd", "PGPASSWORD", "secret", "CVV",
        "client-secret", "Authorization", "HTTP_AUTHORIZATION", "Cookie", "set-cookie",
        "HTTP_COOKIE", "cookies", "api_key", "apiKey", "API-KEY", "X-ApiKey", "access_token",
        "refreshToken", "AWS_SECRET_ACCESS_KEY", "card_number", "user[password]",
    ],
)  # fmt: skip
def test_a_field_is_blanked_by_its_name_however_it_is_spelt(name: str) -> None:
    for value in ("hunter2", 12345, {"a": [1, {"b": "c"}]}, ["x"]):
        body = {"a": [{"deep": {name: value}}], "z": 1}
        assert redacted(body) == {"a": [{"deep": {name: SIGN}}], "z": 1}


def test_what_says_nothing_is_left() -> None:
    for value in (None, True, False, "", {}, []):
        body = {"password": value, "next": "x"}
        assert redacted(body) == body


@pytest.mark.parametrize(
    "name", ["passwordless", "secretary", "tokens", "cookiesEnabled", "keyboard", "sessionId"]
)
def test_names_that_only_look_alike_are_left(name: str) -> None:
    body = {name: "fine"}
    assert redacted(body) == body


def test_a_name_in_escapes_is_known() -> None:
    made = DEFAULT.redact(envelope(1, rb'{"p\u0061ssword":"x","u":"y"}'))
    assert made.body == rb'{"p\u0061ssword":"%b","u":"y"}' % MARKER


def test_pairs_of_names_and_values_are_blanked() -> None:
    body = {
        "headers": [["Cookie", "sid=1"], ["Accept", "*/*"]],
        "cookiesOf": [{"Name": "access_token", "Value": "abc"}, {"value": 7, "key": "password"}],
        "form": [{"name": "password", "value": {"a": 1}}, {"name": "city", "value": "Bonn"}],
        "tags": ["cookie", "banner"],
    }
    assert redacted(body) == {
        "headers": [["Cookie", SIGN], ["Accept", "*/*"]],
        "cookiesOf": [
            {"Name": "access_token", "Value": SIGN},
            {"value": SIGN, "key": "password"},
        ],
        "form": [{"name": "password", "value": SIGN}, {"name": "city", "value": "Bonn"}],
        "tags": ["cookie", "banner"],
    }


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("https://x.test/a?b=1&apikey=QQ%2B%3D&c=2#f", f"https://x.test/a?b=1&apikey={SIGN}&c=2#f"),
        ("user=ann&password=a%20b&x=1", f"user=ann&password={SIGN}&x=1"),
        ("password=s3cret", f"password={SIGN}"),
        ("sid=1; access_token=abc; lang=de", f"sid=1; access_token={SIGN}; lang=de"),
        ("user%5Bpassword%5D=x&y=1", f"user%5Bpassword%5D={SIGN}&y=1"),
        ("postgres://app:pa55@db/shop", f"postgres://app:{SIGN}@db/shop"),
        ("Bearer abcdefgh.ijkl", f"Bearer {SIGN}"),
        (f"got eyJhbGciOiJI.eyJzdWIiOiIx.{'x' * 20}!", f"got {SIGN}!"),
        (f"card {CARD} refused", f"card {SIGN} refused"),
        ("4111111111111111 12/28 123", f"{SIGN} 12/28 123"),
        ("378282246310005, 5555555555554444", f"{SIGN}, {SIGN}"),
        ("6011-0009-9013-9424", SIGN),
        ("[12] GET /x?api_key=abc&y=1", f"[12] GET /x?api_key={SIGN}&y=1"),
        ('{"a" is bad: ftp://u:pw@h/', f'{{"a" is bad: ftp://u:{SIGN}@h/'),
        ('{"password": "x", "user": "ann"}', f'{{"password": "{SIGN}", "user": "ann"}}'),
        ('{"a": "{\\"secret\\": 5}"}', f'{{"a": "{{\\"secret\\": \\"{SIGN}\\"}}"}}'),
        ('{"user": "ann", "password": "hunt', f'{{"user": "ann", "password": "{SIGN}"'),
    ],
)
def test_values_in_texts_are_blanked(text: str, wanted: str) -> None:
    assert redacted({"message": text}) == {"message": wanted}
    escaped = json.dumps([text]).replace("&", "\\u0026").replace("=", "\\u003d")
    made = DEFAULT.redact(envelope(1, escaped.replace("/", "\\/").encode()))
    assert json.loads(made.body) == [wanted]


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112", "order 4111111111111111234567", "1763800000000",
        "409.90000000000003", "id e7cjs1p8v40000000000000000000000", "0000000000000000",
        "bearer of news", "a=b", "http://x.test:8080/a@b", "token = next()",
        "the password is wrong", "ann@example.test",
        "from 10.1.2.3", "my_api_key", "?monkey=1",
    ],
)  # fmt: skip
def test_what_is_harmless_or_off_keeps_its_bytes(text: str) -> None:
    event = envelope(1, json.dumps({"message": text, "n": 1.50}).encode())
    assert DEFAULT.redact(event).body is event.body


def test_mail_and_addresses_are_blanked_where_a_project_wants_it() -> None:
    body = {"to": "Ann <ann.b+c@mail.example.test>", "from": ["10.1.2.3", "2001:db8::7", "::1"]}
    wanted = {"to": f"Ann <{SIGN}>", "from": [SIGN, SIGN, "::1"]}
    assert redacted(body, ALL) == wanted
    for harmless in ("12:30:45", "std::vector::at", "1.2.3", "1.2.3.4.5", "999.1.1.1", "a@b"):
        assert redacted([harmless], ALL) == [harmless]


def test_card_numbers_that_are_numbers_become_strings() -> None:
    made = DEFAULT.redact(envelope(1, b'{"a": 4111111111111111, "b":4111111111111112}'))
    assert made.body == b'{"a": "%b", "b":4111111111111112}' % MARKER
    assert made.redacted == 1


def test_a_project_s_own_keys_are_found_by_their_digest() -> None:
    key = "c2hvcC1qcw+/A1b2C3=="
    known = KnownKey(key[:6], hashlib.sha256(key.encode()).digest())
    redactor = Redactor(Rules(), [known, KnownKey("x", b"")])
    texts = [f"sent {key}", "sent c2hvcC1qcw%2B%2FA1b2C3%3D%3D.", "c2hvcC-another-key"]
    assert redacted(texts, redactor) == [f"sent {SIGN}", f"sent {SIGN}.", texts[2]]


def test_all_that_is_not_blanked_keeps_its_bytes() -> None:
    body = (
        b'\xef\xbb\xbf { "b" : NaN , "big":123456789012345678901234567890, "x":1.50,"x":1e400,\n'
        b'"bad":"\xff\xfe \\ud800","password" :\t"\\u00e9\\"x" , "n":-Infinity}  '
    )
    made = DEFAULT.redact(envelope(1, body))
    assert made.body == body.replace(rb'"\u00e9\"x"', b'"%b"' % MARKER)
    assert made.redacted == 1


def test_an_edited_string_keeps_its_text() -> None:
    body = rb'["\ud83d\ude00 \ud800 \"q\" ?password=a\u0026b=\u00e9 ' + "é".encode() + b'"]'
    (text,) = json.loads(DEFAULT.redact(envelope(1, body)).body)
    assert text == f'\U0001f600 \ud800 "q" ?password={SIGN}&b=é é'


def test_a_project_says_what_is_blanked() -> None:
    rules = rules_of(
        {"names": ["*customer*no", "x-tag"], "keep": ["cookie"], "values": {"card": False}}
    )
    body = {"CustomerNo": 5, "vip_customer_2_no": "a", "X_Tag": "b", "Cookie": "c", "t": CARD}
    wanted = {**body, "CustomerNo": SIGN, "vip_customer_2_no": SIGN, "X_Tag": SIGN}
    assert redacted(body, Redactor(rules)) == wanted
    bare = Redactor(rules_of({"default_names": False, "names": ["tag"]}))
    assert redacted({"password": "x", "tag": "y"}, bare) == {"password": "x", "tag": SIGN}


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ([], "object"),
        ({"nmaes": []}, "nmaes"),
        ({"names": "password"}, "list"),
        ({"names": ["x"] * 101}, "at most 100"),
        ({"names": ["*"]}, "letters or digits"),
        ({"names": [7]}, "characters"),
        ({"names": ["a" * 101]}, "characters"),
        ({"names": ["pässword"]}, "ASCII"),
        ({"names": ["a*b*c*d*e"]}, "stars"),
        ({"values": {"iban": True}}, "iban"),
        ({"values": {"card": 1}}, "true or false"),
        ({"default_names": "yes"}, "true or false"),
    ],
)
def test_rules_that_cannot_be_are_refused_with_why(document: Any, why: str) -> None:
    with pytest.raises(BadRules, match=why):
        rules_of(document)


def test_rules_come_back_from_json() -> None:
    rules = rules_of({"names": ["a*b"], "values": {"ip": True}})
    assert rules_of(rules.told()) == rules
    assert rules_of({}) == Rules()


def test_a_preview_tells_rule_and_place() -> None:
    body = {"details": {"user": [{"x": 1, "password": "p"}], "message": f"c {CARD}"}}
    shown = DEFAULT.preview(json.dumps(body).encode())
    assert shown.redacted == 2
    assert [(match.rule, match.path) for match in shown.matches] == [
        ("name:*password", "details.user[0].password"),
        ("value:card", "details.message"),
    ]


def test_redacting_again_changes_nothing_and_counts_the_same() -> None:
    first = DEFAULT.redact(
        envelope(1, b'{"password":"x","m":"?apikey=1&y=2","c":"4111111111111111"}')
    )
    again = DEFAULT.redact(replace(first, redacted=0))
    assert first.redacted == 3
    assert again == first


LOOSE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.text(alphabet=string.digits + "- .:@", max_size=40)
    | st.sampled_from([CARD, "Bearer 12345678", "a?password=x&y=2", "ann@x.test", "10.0.0.1"]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["password", "name", "value", "a", "Cookie"]) | st.text(max_size=8),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(LOOSE)
@settings(deadline=None)
def test_json_stays_json_of_the_same_shape(body: Any) -> None:
    raw = json.dumps(body).encode()
    shown = ALL.preview(raw)
    assert _fits(body, json.loads(shown.body))
    again = ALL.preview(shown.body)
    assert (again.body, again.redacted, again.matches) == (shown.body, shown.redacted, [])
    if not shown.matches:
        assert shown.body == raw


def _fits(before: Any, after: Any) -> bool:
    """Whether nothing changed but values that became, or hold, the marker."""
    if isinstance(after, str) and SIGN in after:
        return True
    if isinstance(before, dict):
        keys_stay = isinstance(after, dict) and list(before) == list(after)
        return keys_stay and all(_fits(before[key], after[key]) for key in before)
    if isinstance(before, list):
        same = isinstance(after, list) and len(before) == len(after)
        return same and all(map(_fits, before, after))
    return bool(before == after)


@given(st.binary(max_size=400) | st.text(alphabet='{}[]":,\\p=?&4 1', max_size=200).map(str.encode))
@settings(deadline=None)
def test_noise_is_never_an_error_and_redacting_it_ends(noise: bytes) -> None:
    for body in (noise, b'{"password":' + noise, b'["?password=' + noise + b'"]'):
        once = ALL.preview(body)
        assert once.redacted == once.body.count(MARKER)


@given(st.data())
@settings(deadline=None)
def test_a_secret_is_found_wherever_it_stands(data: st.DataObject) -> None:
    secret = "s3cr3t" + data.draw(st.text(alphabet=string.ascii_letters, min_size=4, max_size=12))
    value: Any = data.draw(
        st.sampled_from(
            [
                {"password": secret},
                {"name": "Cookie", "value": secret},
                [["Authorization", secret]],
                f"/pay?x=1&api_key={secret}&y=2",
                json.dumps({"deep": {"client_secret": secret}}),
            ]
        )
    )
    for _ in range(data.draw(st.integers(0, 6))):
        value = data.draw(st.sampled_from([[1, value], {"a": 2, "b": value}, [[value]], [value]]))
    assert secret.encode() not in DEFAULT.redact(envelope(1, json.dumps(value).encode())).body


@pytest.mark.parametrize(
    "part",
    [
        b"4444 ",
        b"a@a.",
        b"1:",
        b"://a:",
        b"&password=",
        b"\\u0041",
        b"Bearer ",
        b"eyJaaaaa.",
        b"1.",
    ],
)
def test_a_megabyte_of_almost_matches_is_looked_through_once(part: bytes) -> None:
    """In quadratic time this would take hours, not the second that it takes."""
    body = b'{"value":' * 1_000 + b'["' + part * (1_000_000 // len(part)) + b'"]'
    made = ALL.redact(envelope(1, body))
    assert made.redacted == made.body.count(MARKER)


@pytest.mark.parametrize(
    "part", [b'{"password":', b'{"value":', b"[", b'{"name":"cookie","value":[']
)
def test_a_megabyte_of_open_brackets_is_looked_through_once(part: bytes) -> None:
    body = part * (1_000_000 // len(part))
    assert DEFAULT.redact(envelope(1, body)).body[:10] == body[:10]


def test_corpus_crashes_without_a_match_keep_their_bytes_and_others_their_group() -> None:
    changed = 0
    for event in _corpus():
        made = DEFAULT.redact(event)
        if made.body is event.body:
            assert made is event
            continue
        changed += 1
        before, after = (event_type(event.type).normalise(one) for one in (event, made))
        assert after.redacted == made.redacted > 0
        assert (after.group, after.user_key, after.row) == (
            before.group,
            before.user_key,
            before.row,
        )
    assert changed > 20


def test_no_key_that_raygun4js_leaks_is_left() -> None:
    key = re.compile(rb"apikey=(?!\[)[^&\"\\]", re.IGNORECASE)
    leaking = [event for event in _corpus() if key.search(event.body)]
    assert len(leaking) > 10
    for event in leaking:
        assert not key.search(DEFAULT.redact(event).body)


def test_one_more_secret_in_a_made_crash_is_one_more_count() -> None:
    dice = random.Random(5)
    for event in corpus_crashes(300):
        clean = DEFAULT.redact(event)
        secret = f"S{dice.getrandbits(60):x}"
        report = json.loads(clean.body)
        report["deep"] = [{"password": secret}]
        dirty = replace(event, body=json.dumps(report).encode())
        made = DEFAULT.redact(dirty)
        assert secret.encode() not in made.body
        assert made.redacted == clean.redacted + 1


def _corpus() -> list[Envelope]:
    events = []
    for number, file in enumerate(sorted(CORPUS.glob("raygun*/*.json"))):
        request = json.loads(file.read_text())
        body = base64.b64decode(request["body_base64"])
        if request["kind"] == "entry":
            events.append(envelope(number, body))
        elif request["kind"] == "bulk":
            events += [envelope(number, json.dumps(item).encode()) for item in json.loads(body)]
        elif request["kind"] == "rum":
            events += [
                replace(
                    envelope(number, json.dumps(item).encode()), type="rum", protocol="raygun.rum"
                )
                for item in json.loads(body)["eventData"]
            ]
    return events
