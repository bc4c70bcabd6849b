"""The spool: accepted batches on the web tier's disk while the broker cannot take them."""
