"""Every page that there is to look at has a picture in the documentation, and each is of one."""

from app.dashboard.rows import PAGES
from ops.demo.shots import NOT_SHOWN, SHOTS

#: What is no page to look at has no template: bytes, files, and old addresses.
LOOKS = {page.name for page in PAGES if page.template}


def test_shots_are_named_as_pages_are() -> None:
    names = [shot.name for shot in SHOTS]
    assert len(set(names)) == len(names)
    assert set(names) <= LOOKS


def test_every_page_has_a_shot_or_a_reason() -> None:
    shown = {shot.name for shot in SHOTS}
    assert shown | set(NOT_SHOWN) == LOOKS
    assert not shown & set(NOT_SHOWN)
