"""The carriers: one adapter a carrier behind one protocol. Adapters do not know each other."""
