"""The parts of engine/ that need neither an API server nor a carrier."""
