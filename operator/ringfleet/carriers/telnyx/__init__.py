"""Telnyx: `account` is the adapter; `search` finds what is for sale, `orders` buys it, `numbers` keeps what is owned,
`routing` says where calls and messages go, `campaigns` for which campaign, `registrar` files documents
(`filed_items`, `requirement_group`, by `compliance_calls`), `emergency` registers emergency addresses, `webhook` reads
what Telnyx tells us, `records` what it lists of calls and messages afterwards, `wire` is what is said on the line.

Paths, parameters and fields are those of Telnyx' own Python library (4.189), which goes before every other source.
`tests/carriers/test_telnyx_sdk.py` holds what is sent here against its source.
"""
