"""Keys and tokens as they are made."""

from __future__ import annotations

from storage.sql.credentials import checked, new_credential


def test_no_command_takes_a_new_credential_for_an_option() -> None:
    made = [new_credential() for _ in range(1000)]  # one in 64 would begin with a hyphen
    assert not [one for one in made if one.startswith("-")]
    assert {len(one) for one in made} == {32}
    assert len(set(made)) == 1000
    assert [checked(one) for one in made] == made
