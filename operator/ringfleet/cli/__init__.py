"""The commands `ringfleet` and `kubectl ringfleet`."""
