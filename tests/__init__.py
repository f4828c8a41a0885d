"""The tests, and what they stand on: a control plane, the demo, the benchmarks and the crash tests."""
