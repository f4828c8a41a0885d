"""The door to the API server, tested against a real one; queue and pace in virtual time."""
