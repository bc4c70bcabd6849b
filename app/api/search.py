"""Search: events through Elasticsearch."""

from __future__ import annotations

from typing import Any

from app.api import answers
from app.api.arguments import SearchArguments, bad_argument, query_of
from app.api.endpoint import Arguments, Desk, Endpoint


def found(desk: Desk, hit: dict[str, Any]) -> dict[str, Any]:
    """A hit as the API gives it: the project by its name, every time in one form."""
    item = {key: value for key, value in hit.items() if key != "project_id"}
    return {**item, "project": desk.names.name(hit["project_id"])}


def search_events(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /search, newest first."""
    try:
        page = desk.stores.search.search(
            project_id=desk.names.number(arguments["project"]),
            event_type=arguments["type"],
            query=query_of("q", arguments["q"], "events"),
            start=arguments["start"],
            end=arguments["end"],
            cursor=arguments["cursor"],
            limit=arguments["limit"],
            floors=desk.stores.retention.terms.last_floors(),
        )
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    return {"items": [found(desk, hit) for hit in page.items], "next_cursor": page.next_cursor}


ENDPOINTS = (
    Endpoint(
        "/search",
        "search_events",
        "Events that match a query, newest first",
        search_events,
        answers.page_of(answers.Occurrence),
        SearchArguments,
        scope="filtered",
        needs="read",
    ),
)
