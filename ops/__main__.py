"""``./sluice``: the command line."""

from __future__ import annotations

import importlib
import os
from typing import ClassVar

import click

from ops.proxies import ask_this_machine_directly


class Family(click.Group):
    """Commands by name, each imported when it is asked for: a start need not load them all."""

    commands_at: ClassVar[dict[str, str]] = {
        "up": "lifecycle:up",
        "down": "lifecycle:down",
        "status": "lifecycle:status",
        "stop": "lifecycle:stop",
        "start": "lifecycle:start",
        "test": "test:test",
        "project": "project:project",
        "token": "tokens:token",
        "user": "users:user",
        "settings": "settings:settings",
        "migrate": "store:migrate",
        "worker": "worker:worker",
        "queue": "queue:queue",
        "pools": "pools:pools",
        "group": "groups:group",
        "dlq": "dead_letters:dlq",
        "receipt": "receipt:receipt",
        "cost": "cost:cost",
        "ledger": "ledger:ledger",
        "custody": "custody:custody",
        "reconcile": "reconcile:reconcile",
        "quota": "quotas:quota",
        "rum": "rum:rum",
        "session": "sessions:session",
        "person": "person:person",
        "redaction": "redaction:redaction",
        "pack": "pack:pack",
        "rebuild": "rebuild:rebuild",
        "compact": "compact:compact",
        "packs": "packs:packs",
        "erase": "erase:erase",
        "retention": "retention:retention",
        "demo": "demo:demo",
        "docs": "docs:docs",
        "bench": "bench:bench",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self.commands_at:
            return None
        module, name = self.commands_at[cmd_name].split(":")
        found = getattr(importlib.import_module(f"ops.commands.{module}"), name)
        if not isinstance(found, click.Command):
            raise TypeError(f"{cmd_name} is no command")
        return found


@click.command(cls=Family, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Sluice: a self-hosted monitoring back end."""
    ask_this_machine_directly(os.environ)


if __name__ == "__main__":
    main(prog_name="sluice")
