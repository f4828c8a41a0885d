"""How hard the laws of plan/ are tried."""

from hypothesis import settings

from tests.examples import examples

settings.register_profile("laws", settings.get_profile("ringfleet"), max_examples=examples(300))
settings.load_profile("laws")
