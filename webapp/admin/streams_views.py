"""Who is here now: log-ins and open streams."""
