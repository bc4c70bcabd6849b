"""The workbench of dead letters: replay, exchange, parked messages; for web, commands and tasks."""
