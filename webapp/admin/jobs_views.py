"""Jobs and queues."""
