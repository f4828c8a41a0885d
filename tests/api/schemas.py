"""The schemas of our kinds, made once a process: tests only read them, and making one takes longer than most tests."""

from __future__ import annotations

from functools import cache

from ringfleet.api.crds import build_crd, build_schema

schema_of = cache(build_schema)
crd_of = cache(build_crd)
