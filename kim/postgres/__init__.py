"""Django's PostgreSQL, whose idle connections the web process keeps for its next requests."""
