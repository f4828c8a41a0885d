"""The face of DIDHub: its paths, words, identifiers and webhooks."""
