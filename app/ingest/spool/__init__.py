"""When accepted events go to the spool instead of the broker, and how they come back."""
