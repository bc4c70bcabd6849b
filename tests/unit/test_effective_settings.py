"""Settings as they are told: all of them, and no secret."""

from __future__ import annotations

from dataclasses import fields

from config.effective import effective_settings
from config.settings import Settings, load_settings

SECRET = "hunter2-and-more"


def test_every_setting_is_told_and_no_secret() -> None:
    environ = {
        "SLUICE_REDIS_URL": f"redis://:{SECRET}@broker/0",
        "SLUICE_POSTGRES_DSN": f"postgresql://ann:{SECRET}@sql/x",
        "SLUICE_SESSION_KEY": SECRET,
        "SLUICE_SESSION_KEY_FALLBACKS": f"{SECRET},{SECRET}2",
        "SLUICE_S3_SECRET_KEY": SECRET,
        "SLUICE_FILES_URL": f"http://ann:{SECRET}@files:8001/x",
        "SLUICE_WEB_WORKERS": "7",
    }
    told = {one.name: one for one in effective_settings(load_settings(environ))}
    assert len(told) == len(fields(Settings))
    assert not any(SECRET in one.value for one in told.values())
    assert (told["SLUICE_SESSION_KEY"].value, told["SLUICE_S3_ACCESS_KEY"].value) == (
        "(set)",
        "(not set)",
    )
    assert told["SLUICE_FILES_URL"].value == "http://ann:…@files:8001/x"
    assert (told["SLUICE_WEB_WORKERS"].value, told["SLUICE_WEB_WORKERS"].is_default) == ("7", False)
    assert told["SLUICE_WEB_THREADS"].is_default
    assert all(one.doc for one in told.values())
