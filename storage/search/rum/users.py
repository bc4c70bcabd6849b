"""One user of a project, asked of search: what they met, when, and on what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from elasticsearch import dsl

from config.policy import EVENT_TYPES
from events.identities import same_user
from storage.rum import Share
from storage.search.rum.measures import Answer, count_of, distinct, events_of, views
from storage.search.scope import Scope
from storage.search.store import REQUEST_SECONDS, SearchStore
from storage.user import UserGroup, UserPicture, UserSession

MOST_GROUPS = 50
MOST_SESSIONS = 50
MOST_SHARES = 10
_EXPORTED_AT_ONCE = 500

_DEVICES = {
    "browser": "browser.shown",
    "os": "os.shown",
    "device": "device.shown",
    "country": "country.shown",
    "version": "version",
    "machine": "machine",
}


@dataclass(frozen=True, slots=True)
class UsersEvent:
    """An event of a user, to be exported."""

    id: UUID
    type: str


class Users:
    """A user is found by identifier, e-mail or key, as their events name them; e-mails in any
    letter case. Methods raise :class:`StoreDown`.
    """

    def __init__(self, search: SearchStore) -> None:
        self._search = search

    def read(self, scope: Scope, user: str) -> UserPicture | None:
        """What is known of a user; null when no event is theirs. Asks once."""
        search = self._search.over([row.name for row in EVENT_TYPES], scope).filter(_is(user))
        aggs = search.aggs
        aggs.metric("first", dsl.A("min", field="received_at"))
        aggs.metric("last", dsl.A("max", field="received_at"))
        aggs.bucket("types", dsl.A("terms", field="type", size=len(EVENT_TYPES)))
        aggs.metric("group_count", distinct("group_id"))
        aggs.metric("session_count", distinct("session_id"))
        _timed(aggs.bucket("groups", _latest("group_id", MOST_GROUPS)))
        sessions = _timed(aggs.bucket("sessions", _latest("session_id", MOST_SESSIONS)))
        sessions.bucket("views", dsl.A("filter", filter=views()))
        for name, field in _DEVICES.items():
            aggs.bucket(name, dsl.A("terms", field=field, size=MOST_SHARES))
        search = search.sort("-received_at").source(["user"]).extra(size=1)
        return _picture(self._search.ask(search))

    def events(self, scope: Scope, user: str) -> Iterator[UsersEvent]:
        """Every event of a user that search knows, newest first; asks page by page."""
        search = self._search.over([row.name for row in EVENT_TYPES], scope).filter(_is(user))
        search = search.sort("-received_at", "-id").source(["id", "type"])
        search = search.extra(size=_EXPORTED_AT_ONCE)
        after: list[Any] | None = None
        while True:
            page = search if after is None else search.extra(search_after=after)
            hits = self._search.ask(page, REQUEST_SECONDS)["hits"]["hits"]
            for hit in hits:
                yield UsersEvent(UUID(hit["_source"]["id"]), hit["_source"]["type"])
            if len(hits) < _EXPORTED_AT_ONCE:
                return
            after = hits[-1]["sort"]


def _is(user: str) -> dsl.query.Query:
    name = same_user(user)
    fields = ("user.identifier", "user.email")
    named = [dsl.Q("term", **{field: {"value": name}}) for field in fields]
    return dsl.Q("bool", should=[*named, dsl.Q("term", user_key=user)], minimum_should_match=1)


def _latest(field: str, most: int) -> dsl.aggs.Agg[Any]:
    return dsl.A("terms", field=field, size=most, order={"last": "desc"})


def _timed(bucket: Any) -> Any:
    bucket.metric("first", dsl.A("min", field="received_at"))
    bucket.metric("last", dsl.A("max", field="received_at"))
    return bucket


def _picture(answer: Mapping[str, Any]) -> UserPicture | None:
    found: Answer = answer.get("aggregations", {})
    types = {bucket["key"]: bucket["doc_count"] for bucket in _buckets(found, "types")}
    hits = answer["hits"]["hits"]
    if not hits:
        return None
    names = hits[0]["_source"].get("user") or {}
    return UserPicture(
        crashes=types.get("crash", 0),
        rum_events=types.get("rum", 0),
        first_at=_moment(found, "first"),
        last_at=_moment(found, "last"),
        names={name: value for name, value in names.items() if value},
        groups=[
            UserGroup(
                bucket["key"],
                bucket["doc_count"],
                _moment(bucket, "first"),
                _moment(bucket, "last"),
            )
            for bucket in _buckets(found, "groups")
        ],
        group_count=count_of(found.get("group_count")),
        sessions=[_session(bucket) for bucket in _buckets(found, "sessions")],
        session_count=count_of(found.get("session_count")),
        devices={
            name: [Share(str(one["key"]), one["doc_count"]) for one in _buckets(found, name)]
            for name in _DEVICES
        },
    )


def _session(bucket: Answer) -> UserSession:
    return UserSession(
        bucket["key"],
        _moment(bucket, "first"),
        _moment(bucket, "last"),
        bucket["doc_count"],
        events_of(bucket.get("views")),
    )


def _buckets(found: Answer, name: str) -> list[Answer]:
    return list(found.get(name, {}).get("buckets", []))


def _moment(found: Answer, name: str) -> datetime:
    return datetime.fromtimestamp(found[name]["value"] / 1000, UTC)
