"""Running programs: the launcher, the supervisor's configuration and its remote control."""
