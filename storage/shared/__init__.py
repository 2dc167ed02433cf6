"""The team's PostgreSQL database: what only that side needs."""
