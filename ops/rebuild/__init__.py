"""Re-creating search or SQL from packs while new events flow."""
