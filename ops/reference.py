"""The reference pages that are made from code: settings, queues, keys of search."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

from config.policy import ACKS_LATE, EVENT_TYPES, QUEUES, SYSTEM_TASKS
from config.settings import PREFIX, Secret, SecretList, Settings
from storage.query.keys import QueryKey, known_keys

_KEYS, _END_OF_KEYS = "<!-- keys -->", "<!-- end of keys -->"
_MADE = "<!-- Made by `./sluice docs`: change the code, then run it. -->"


def settings_page() -> str:
    """``docs/settings.md``: a row a setting, from its type, default and sentence."""
    hints = get_type_hints(Settings)
    rows = [
        f"| `{PREFIX}{item.name.upper()}` | {_kind(hints[item.name])} | {_default(item.default)} "
        f"| {item.metadata['doc']} |"
        for item in fields(Settings)
    ]
    return _page(
        "Settings",
        "Every process reads these variables of its environment once, when it starts.",
        ["| variable | type | default | meaning |", "| --- | --- | --- | --- |", *rows],
    )


def queues_page() -> str:
    """``docs/queues.md``: a row a queue, from the policy table."""
    rows = [
        f"| `{name}` | `{policy.stage.task}` | {policy.stage.soft_limit} s "
        f"| {policy.stage.hard_limit} s | {policy.stage.retry.attempts} "
        f"| {policy.stage.retry.base:g} s to {policy.stage.retry.cap:g} s |"
        for name, policy in QUEUES.items()
    ]
    order = ", then ".join(
        f"`{kind.name}`" for kind in sorted(EVENT_TYPES, key=lambda kind: kind.shed_order)
    )
    terms = ", ".join(f"`{kind.name}` {kind.keep_days} days" for kind in EVENT_TYPES)
    return _page(
        "Queues",
        f"A queue is `<type>.<stage>`. Messages are acknowledged "
        f"{'after' if ACKS_LATE else 'before'} their work. Tries are those of an event that fails "
        f"for a reason of its own: an outage of a store spends none. Under pressure types are "
        f"refused in this order: {order}. Unless `SLUICE_RETENTION_DAYS` says otherwise, events "
        f"are kept: {terms}.",
        [
            "| queue | task | soft limit | hard limit | tries | wait between tries |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            "The system's own tasks carry no events and run by the clock.",
            "",
            "| queue | task | soft limit | hard limit | every |",
            "| --- | --- | --- | --- | --- |",
            *(
                f"| `{row.queue}` | `{row.task}` | {row.soft_limit} s | {row.hard_limit} s "
                f"| {row.every} s |"
                for row in SYSTEM_TASKS
            ),
        ],
    )


def search_page(page: str) -> str:
    """``docs/search.md`` with its table of keys made anew: a row a key, from the query language."""
    rows = [
        f"| {_written(key)} | {key.means} | {_answered_by(key)} |"
        for key in sorted(set(known_keys().values()), key=lambda key: key.name)
    ]
    before, _, rest = page.partition(_KEYS)
    after = rest.partition(_END_OF_KEYS)[2]
    table = "\n".join(["| key | means | of |", "| --- | --- | --- |", *rows])
    return f"{before}{_KEYS}\n{table}\n{_END_OF_KEYS}{after}"


def _written(key: QueryKey) -> str:
    names = (f"{key.name}.…" if key.open else key.name, *key.aliases)
    return ", ".join(f"`{name}`" for name in names)


def _answered_by(key: QueryKey) -> str:
    return "events, groups" if key.events and key.groups else "groups" if key.groups else "events"


def _page(title: str, text: str, lines: list[str]) -> str:
    return "\n".join([f"# {title}", "", _MADE, "", text, "", *lines, ""])


_KINDS = {
    Secret: "secret text",
    SecretList: "secret texts",
    str: "text",
    int: "whole number",
    float: "number",
}


def _kind(kind: Any) -> str:
    return _KINDS.get(kind, "path")


def _default(value: Any) -> str:
    if isinstance(value, SecretList):
        text = ",".join(secret.reveal() for secret in value)
    else:
        text = value.reveal() if isinstance(value, Secret) else str(value)
    return f"`{text}`" if text else "empty"
