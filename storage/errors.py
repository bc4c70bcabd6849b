"""The fates a store can give: adapters translate every vendor error into one of these."""

from __future__ import annotations


class StoreError(Exception):
    """Base of what a store raises. ``store`` is files, sql, search or broker."""

    def __init__(self, store: str, detail: str) -> None:
        super().__init__(f"{store}: {detail}")
        self.store = store
        self.detail = detail

    def __reduce__(self) -> tuple[type[StoreError], tuple[str, str]]:
        # A worker's child sends what it raised to its parent, which dies of what it cannot read.
        return type(self), (self.store, self.detail)


class StoreDown(StoreError):
    """Transient: the store is away, slow, throttling or read-only; no event is at fault."""


class Rejected(StoreError):
    """The store refuses this data and would again: find the event at fault and dead-letter it."""


class NotFound(StoreError):
    """The object asked for is not there."""


class Corrupt(StoreError):
    """The object is there and its checksum or structure is wrong."""


class RulesChanged(Exception):
    """Somebody else changed a project's rules meanwhile; they are of ``version`` now."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the rules are of version {version} by now")
        self.version = version
