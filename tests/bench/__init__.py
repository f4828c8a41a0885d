"""Benchmarks: `make bench-order`, `make bench-idle`. Each prints a table for people and one last line of JSON."""
