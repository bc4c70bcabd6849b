"""Settings of the environment: what is no value is told by its name, never found later."""

from __future__ import annotations

import pytest

from config.settings import SettingsError, load_settings


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("WEB_PORT", "abc", "must be a whole number"),
        ("WEB_PORT", "80.5", "must be a whole number"),
        ("WEB_PORT", "99999", "must be a port"),
        ("FILES_PORT", "-1", "must be 0 or more"),
        ("WEB_WORKERS", "0", "must be above zero"),
        ("LEASE_SECONDS", "0", "must be above zero"),
        ("SHED_AGE_SECONDS", "nan", "must be 0 or more"),
        ("SHED_AGE_SECONDS", "inf", "must be 0 or more"),
        ("FLOOD_SHARE", "many", "must be a number"),
        ("S3_ADDRESSING", "dns", "must be one of"),
        ("RETENTION_DAYS", "crash", "crash"),
    ],
)
def test_a_value_that_cannot_be_used_is_told(name: str, text: str, why: str) -> None:
    with pytest.raises(SettingsError) as told:
        load_settings({f"SLUICE_{name}": text})
    assert str(told.value).startswith(f"SLUICE_{name}")
    assert why in str(told.value)


def test_ports_that_can_be_used() -> None:
    settings = load_settings({"SLUICE_WEB_PORT": "0", "SLUICE_FILES_PORT": "65535"})
    assert (settings.web_port, settings.files_port) == (0, 65535)
