"""What a pool orders, keeps and lets go.

::

    decide.py      the way in: one turn of a pool, the modules below in their order
    demand.py      what it learns: burn rate and lead time
    forecast.py    what it should keep for that: recommended target, runway; channels and agents behind the numbers
    release.py     which numbers it lets go, and when
    supply.py      what it has, what is on its way, what the month costs
    on_demand.py   which claims need a number ordered for them, and what it must have
    carriers.py    what it remembers of its orders, and which of its carriers can be ordered from
    preference.py  in which turn they are asked: by preference, and those of one preference by price
    shares.py      how its free numbers are spread over places
    spread.py      how many of its numbers one account may bring
    adoption.py    what became of the numbers that it asks to adopt
    plan.py        the spec as ordering needs it (`PoolWant`), its limits, and the next order
    last_check.py  counts once more: no order goes beyond a limit
    allowance.py   counts again when the order runs, which may be much later
    scale.py       its free stock as autoscalers see it
"""
