"""Benchmarks: `make bench-order`, `make bench-idle`, `make bench-claims`.

Each prints a table for people and one last line of JSON.
"""
