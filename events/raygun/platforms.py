"""Which language an SDK's frames are in, by the name it gives itself."""

from __future__ import annotations

from functools import lru_cache

UNKNOWN = "unknown"

#: Looked for in this order: "raygun4net" must not take a name that says MAUI on Apple.
_NAMES = (
    ("raygun4py", "python"),
    ("raygun-node", "node"),
    ("raygun-js", "javascript"),
    ("raygun4js", "javascript"),
    ("reactnative", "javascript"),
    ("raygun4go", "go"),
    ("raygun4java", "java"),
    ("raygun4android", "java"),
    ("ruby", "ruby"),
    ("raygun4php", "php"),
    ("flutter", "dart"),
    ("raygun4net", "dotnet"),
    ("raygun4maui", "dotnet"),
    ("raygun4xamarin", "dotnet"),
    ("raygun4unity", "dotnet"),
    ("aspnet", "dotnet"),
    ("raygun4apple", "apple"),
    ("raygun4ios", "apple"),
    ("raygun4cocoa", "apple"),
    ("raygun4macos", "apple"),
    ("raygun4osx", "apple"),
)


@lru_cache(maxsize=256)
def platform_of(client_name: str | None) -> str:
    """The language of a client's frames, as :mod:`events.code` names it."""
    name = (client_name or "").lower()
    return next((platform for part, platform in _NAMES if part in name), UNKNOWN)
