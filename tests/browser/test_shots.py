"""Pictures for the documentation, light and dark, small enough to be kept."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from playwright.sync_api import Browser

from ops.demo.shots import HIDDEN, Shot, hide, take
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


def test_what_is_not_to_be_seen_is_not(chromium: Browser) -> None:
    with chromium.new_context() as context:
        page = context.new_page()
        page.set_content("""<p>Key <b>s3cret</b>, DSN http://s3cret@127.0.0.1/s3cret.</p>
            <input value="s3cret"><textarea>a s3cret b</textarea><p id=rest>All else</p>""")
        hide(page, ["s3cret", "unknown"])
        seen = [page.locator("body").inner_text(), page.locator("#rest").inner_text()]
        typed = [page.locator(name).input_value() for name in ("input", "textarea")]
    assert "s3cret" not in "".join([*seen, *typed])
    assert (seen[1], typed) == ("All else", [HIDDEN, f"a {HIDDEN} b"])
    assert seen[0].count(HIDDEN) == 3
