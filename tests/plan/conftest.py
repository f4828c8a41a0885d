"""How hard the laws of plan/ are tried: the same examples each time, and no clock decides."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ringfleet",
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("ringfleet")
