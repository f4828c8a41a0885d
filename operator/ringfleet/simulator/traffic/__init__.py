"""Calls and messages at the simulated carrier, what they do to a number's reputation, and webhooks that tell of
them."""
