"""Providers: pause, resume, test a call."""
