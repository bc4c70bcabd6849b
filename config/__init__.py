"""What every room may read: settings, the queue policy table, logging."""
