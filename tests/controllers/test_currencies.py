"""Money of several currencies in one pool, account and quota: nothing raises, and it is said what can't be added."""

from __future__ import annotations

from ringfleet.controllers.wake import wake_users
from ringfleet.model import AccountKey, Money
from tests.controllers.rig import HOUSE, a_number, a_pool, a_quota, a_rig, in_virtual_time
from tests.plan.builders import an_offer


@in_virtual_time
async def test_dollars_asked_for_euros_billed_and_a_balance_and_a_quota_in_pounds() -> None:
    """The first order is made for two, and billed otherwise than offered; the next one is for what is wanted since."""
    async with a_rig(*HOUSE, a_pool(target=2, limits={"currency": "USD", "monthlyBudget": "100"})) as rig:
        rig.carrier.stock += [an_offer(n) for n in range(1, 5)]
        rig.carrier.bills_in, rig.carrier.money = "EUR", Money.parse(1000, "GBP")
        wake_users(rig.services, AccountKey("shop", "main"))
        await rig.settle()
        assert (rig.carrier.billed.total(), await rig.says("NumberOrder", "west-1")) == (2, "True Complete")

        await rig.create(a_quota(monthlySpend="50", currency="GBP"))
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 4}}})
        await rig.look()
        await rig.settle()
        assert rig.carrier.billed.total() == 2
        assert await rig.says("NumberQuota", "month") == "True WithinLimits"
        assert await rig.says("NumberQuota", "month", "OtherCurrencies") == "True OtherCurrency"
        apart = (await rig.status("NumberQuota", "month"))["used"]["otherCurrencies"]
        assert [one["currency"] for one in apart] == ["EUR"]
        assert await rig.says("NumberPool", "west") == "False QuotaExceeded"

        await rig.delete("NumberQuota", "month")
        await rig.look()
        await rig.settle()
        assert rig.carrier.billed.total() == 2
        assert await rig.says("NumberPool", "west") == "False InvalidSpec"
        cost = (await rig.status("NumberPool", "west"))["cost"]
        assert (cost["monthly"], cost["currency"]) == ("0", "USD")
        await rig.turn("CarrierAccount", "main")
        assert (await rig.status("CarrierAccount", "main"))["balance"]["currency"] == "GBP"


@in_virtual_time
async def test_a_number_in_another_currency_stops_no_order_that_the_quotas_limit_can_hold() -> None:
    """It is counted apart, and said; the limit goes on holding what is in its own currency."""
    dear = a_number(9, "Quarantined", {"price": {"monthly": "7", "setup": "0", "currency": "EUR"}})
    dear["metadata"]["annotations"] = {"ringfleet.dev/quarantine": "labelled"}
    quota = a_quota(monthlySpend="8", currency="USD")
    pool = a_pool(2, limits={"maxMonthlyPrice": "2", "maxSetupPrice": "1"})
    async with a_rig(*HOUSE, quota, pool, dear) as rig:
        rig.carrier.stock += [an_offer(n) for n in range(1, 6)]
        wake_users(rig.services, AccountKey("shop", "main"))
        await rig.settle()
        assert rig.carrier.billed.total() == 2
        used = (await rig.status("NumberQuota", "month"))["used"]
        assert (used["monthlySpend"], used["otherCurrencies"]) == ("6", [{"currency": "EUR", "amount": "7"}])
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 4}}})
        await rig.look()
        await rig.settle()
        assert rig.carrier.billed.total() == 2
