"""The shared store: PostgreSQL, for several dispatchers of which one decides.

- `store`       groups, looks, and whose it is
- `statements`  a group as one statement, made from the tables
- `migrations`  the schema and its versions: the .sql files beside this one, in order, each applied once
- `connection`  the server's address, without its password, and what its errors mean
- `loading`     what a new owner reads; `forgetting` what goes by age; `verify` what it says of itself
- `optouts`     all opt-outs; `restored` what a person says of it after a restore
"""
