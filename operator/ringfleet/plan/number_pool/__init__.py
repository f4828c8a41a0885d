"""What a pool orders, keeps and lets go: `decide` is the way in, `plan` orders, `release` lets go, and `last_check` and
`allowance` count once more before money moves."""
