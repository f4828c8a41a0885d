"""Wire faces: one folder a carrier. A face translates between its carrier's wire and the exchange, and knows no SQL."""
