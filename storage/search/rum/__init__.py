"""Real-user monitoring, asked of search: pages and their vitals, sessions, users."""
