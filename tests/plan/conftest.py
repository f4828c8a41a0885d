"""How hard the laws of plan/ are tried."""

from hypothesis import settings

settings.register_profile("laws", settings.get_profile("ringfleet"), max_examples=300)
settings.load_profile("laws")
