"""Every picture of the documentation is of a page that there is."""

from app.dashboard.rows import PAGES
from ops.demo.shots import SHOTS


def test_shots_are_named_as_pages_are() -> None:
    names = [shot.name for shot in SHOTS]
    assert len(set(names)) == len(names)
    assert set(names) <= {page.name for page in PAGES}
