"""Pictures for the documentation, light and dark, small enough to be kept."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from playwright.sync_api import Browser

from ops.demo.shots import Shot, take
from tests.browser.site import Site
from tests.integration.api_world import TOKEN


def test_pictures_of_a_page_in_both_themes(site: Site, chromium: Browser, tmp_path: Path) -> None:
    shots = (
        Shot("home", lambda _: "/"),
        Shot("group", lambda reader: reader.first("/p/shop/groups", "groups")),
    )
    made = take(site.url, TOKEN, tmp_path, lambda _: None, shots, lambda: nullcontext(chromium))
    names = ["home-light.webp", "group-light.webp", "home-dark.webp", "group-dark.webp"]
    assert [file.name for file in made] == names
    pictures = [file.read_bytes() for file in made]
    assert all(picture[8:12] == b"WEBP" for picture in pictures)
    assert all(2_000 < len(picture) < 150_000 for picture in pictures)
    assert len(set(pictures)) == len(pictures)


def test_what_is_not_to_be_seen_is_not(site: Site, chromium: Browser, tmp_path: Path) -> None:
    shots = (
        Shot("seen", lambda _: "/p/shop/groups"),
        Shot("again", lambda _: "/p/shop/groups", lambda _: ["no such text"]),
        Shot("hidden", lambda _: "/p/shop/groups", lambda _: ["shop"]),
    )
    made = take(site.url, TOKEN, tmp_path, lambda _: None, shots, lambda: nullcontext(chromium))
    seen, again, hidden = (file.read_bytes() for file in made[:3])
    assert seen == again
    assert seen != hidden
