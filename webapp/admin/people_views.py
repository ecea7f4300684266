"""People, invitations and registration."""
