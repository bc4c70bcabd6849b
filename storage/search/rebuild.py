"""One month's index in the making, and the swap by which it takes the place of the one in use."""

from __future__ import annotations

from typing import Any

from elasticsearch import ApiError, Elasticsearch

from storage.errors import StoreDown
from storage.search.faults import translated

#: While nobody reads it, refreshing would only cost.
_BUILDING = {"refresh_interval": "-1"}
_BULKY_SECONDS = 60.0
_SWAP_TRIES = 5
_RACED = frozenset({"index_not_found_exception", "invalid_alias_name_exception"})


class MonthIndex:
    """``target``, which will be known by the name of its month (``<alias>-<month>``): writers go on
    to use that name, which is an index at first and an alias once a month was rebuilt.

    Every method raises :class:`StoreDown`, and may be repeated after a kill at any instant.
    """

    def __init__(
        self, client: Elasticsearch, alias: str, month: str, target: str, template: dict[str, Any]
    ) -> None:
        self._client = client.options(request_timeout=_BULKY_SECONDS)
        self._alias = alias
        self._name = f"{alias}-{month}"
        self._template = template
        self.target = target

    def create(self) -> None:
        """Make the index as its template would, unless it is there."""
        settings = {**self._template["settings"], **_BUILDING}
        with translated():
            if not self._client.indices.exists(index=self.target):
                self._client.indices.create(
                    index=self.target, settings=settings, mappings=self._template["mappings"]
                )

    def exists(self) -> bool:
        """Whether the index is there: someone may have removed it between two runs."""
        with translated():
            return bool(self._client.indices.exists(index=self.target))

    def in_use(self) -> bool:
        """Whether the swap has happened."""
        return self._current() == [self.target]

    def make_visible(self) -> None:
        """Let a search see everything indexed so far, and all that follows within a second."""
        refresh = self._template["settings"]["refresh_interval"]
        with translated():
            self._client.indices.put_settings(
                index=self.target, settings={"refresh_interval": refresh}
            )
            self._client.indices.refresh(index=self.target)
            health = self._client.cluster.health(
                index=self.target, wait_for_status="yellow", timeout="30s"
            )
        if health["timed_out"]:
            raise StoreDown("search", f"index {self.target} does not become whole")

    def swap(self) -> None:
        """Take the place of the month's index, which is deleted, in one atomic step.

        Readers and writers see the old one or the new one and never both or none.
        """
        for _ in range(_SWAP_TRIES):
            try:
                if self._swap():
                    return
            except ApiError as exc:
                if _error_type(exc) not in _RACED:
                    with translated():
                        raise
        raise StoreDown("search", f"the name {self._name} changes hands all the time")

    def drop(self) -> None:
        """Delete the index unless it is in use."""
        if not self.in_use():
            with translated():
                self._client.indices.delete(index=self.target, ignore_unavailable=True)

    def _swap(self) -> bool:
        """Try to swap: a writer may make the month's first index between the look and the step."""
        current = self._current()
        if current == [self.target]:
            return True
        actions: list[dict[str, Any]] = [{"remove_index": {"index": name}} for name in current]
        actions += [
            {"add": {"index": self.target, "alias": alias}} for alias in (self._alias, self._name)
        ]
        self._client.indices.update_aliases(actions=actions)
        return True

    def _current(self) -> list[str]:
        """The index or indices that the month's name stands for."""
        with translated():
            return list(self._client.indices.get(index=self._name, ignore_unavailable=True))


def _error_type(exc: ApiError) -> str:
    error = exc.body.get("error") if isinstance(exc.body, dict) else None
    return str(error.get("type", "")) if isinstance(error, dict) else ""
