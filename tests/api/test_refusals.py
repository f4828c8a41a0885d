"""Bad manifests on a real API server: it refuses each one itself, and names the field and what to write."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ringfleet.model.numbering import NANP_SHAPE, NO_TRUNK_ZERO
from tests.api.manifests import (
    LEFT_OUT,
    Manifest,
    a_bundle,
    a_claim,
    a_named_order,
    a_number,
    a_pool,
    a_profile,
    a_quota,
    a_service,
    a_set,
    an_account,
    an_order,
    changed,
    in_market,
)
from tests.controlplane.api import Api, Refused
from tests.controlplane.cluster import KubectlFailed

Kubectl = Callable[..., str]

pytestmark = pytest.mark.usefixtures("crds")


def a_bundle_with(**document: object) -> Manifest:
    """A bundle whose one document is changed so."""
    paper = {"name": "register", "type": "commercial_register", **document}
    return changed(a_bundle(), "spec.documents", [paper])


OFFICE = {
    "name": "Example Inc.",
    "street": "645 Harrison St",
    "city": "San Francisco",
    "region": "CA",
    "postalCode": "94105",
    "country": "US",
}


def at_address(**changes: object) -> Manifest:
    """A profile with an emergency address that is changed so."""
    said = {key: value for key, value in {**OFFICE, **changes}.items() if value is not LEFT_OUT}
    return changed(a_profile(), "spec.emergencyAddress", said)


def shared(*shares: object, **market: object) -> Manifest:
    """A pool in the US whose free numbers are spread so."""
    whole = {"country": "US", "type": "Geographic", **market}
    return changed(changed(a_pool(), "spec.market", whole), "spec.size.shares", list(shares))


def adopting(**adopt: object) -> Manifest:
    return changed(a_pool(), "spec.adopt", adopt)


def a_region(country: str, *area_codes: str) -> Manifest:
    return {"name": "one", "country": country, "areaCodes": list(area_codes), "percent": 100}


MAIN_OF_TEAM = {"accountRef": {"name": "main", "namespace": "team"}}


@dataclass(frozen=True, slots=True)
class Bad:
    """A manifest that is refused, and two pieces of what the server says: the field, and what to write."""

    why: str
    manifest: Manifest
    field: str
    advice: str


_NAME = "lower-case letters, digits, dashes and dots, such as west-1"
POOLS = [
    Bad("an unknown field", changed(a_pool(), "spec.size.minimum", 5), "spec.size.minimum", "unknown field"),
    Bad("a number as text", changed(a_pool(), "spec.size.target", "25"), "spec.size.target", "must be of type integer"),
    Bad("a name that can't be a label", changed(a_pool(), "metadata.name", "p" * 53), "<nil>",
        "at most 52 characters"),
    Bad("no size", changed(a_pool(), "spec.size", LEFT_OUT), "spec.size", "Required value"),
    Bad("no carrier", changed(a_pool(), "spec.carriers", []), "spec.carriers", "at least 1"),
    Bad("a negative target", changed(a_pool(), "spec.size.target", -1), "spec.size.target", "equal to 0"),
    Bad("a low watermark above the target", changed(a_pool(), "spec.size.min", 26), "spec.size.min",
        "size.min (the low watermark, 26) must not be above size.target (25): lower size.min or raise size.target"),
    Bad("a share of a pool's accounts that is no share", changed(a_pool(), "spec.spread.maxShare", "1.5"),
        "spec.spread.maxShare", 'write a share under 1 as text, such as "0.6"'),
    Bad("shares that do not make a whole pool", changed(a_pool(), "spec.spread.maxShare", "0.6"),
        "spec.spread.maxShare", "the shares of all carriers do not make a whole pool"),
    Bad("a preference for some of a pool's accounts only", changed(a_pool(), "spec.carriers", [
        {"accountRef": {"name": "main"}, "preference": 1}, {"accountRef": {"name": "spare"}}]), "spec.carriers",
        "give a preference to every account"),
    Bad("a preference of nothing",
        changed(a_pool(), "spec.carriers", [{"accountRef": {"name": "main"}, "preference": 0}]),
        "spec.carriers[0].preference", "greater than or equal to 1"),
    Bad("a target above the maximum", changed(a_pool(), "spec.limits.maxNumbers", 24), "spec.size.target",
        "size.target (25) must not be above limits.maxNumbers (24)"),
    Bad("a negative price", changed(a_pool(), "spec.limits.maxMonthlyPrice", "-1"), "spec.limits.maxMonthlyPrice",
        'write an amount as text, such as "1.99": not negative'),
    Bad("a price with its currency", changed(a_pool(), "spec.limits.maxSetupPrice", "$1"), "spec.limits.maxSetupPrice",
        "no currency sign"),
    Bad("a budget that is no text", changed(a_pool(), "spec.limits.monthlyBudget", 5), "spec.limits.monthlyBudget",
        "must be of type string"),
    Bad("a currency in small letters", changed(a_pool(), "spec.limits.currency", "usd"), "spec.limits.currency",
        "three capital letters, such as USD"),
    Bad("a country that is none", in_market("UK", "Geographic"), "spec.market.country", "GB (not UK)"),
    Bad("a country written out", in_market("Germany", "Geographic"), "spec.market.country", "GB (not UK)"),
    Bad("a country in small letters", in_market("us", "Geographic"), "spec.market.country", "two capital letters"),
    Bad("a North American area code of four digits", in_market("US", "Geographic", "415", "4155"),
        "spec.market.areaCodes", 'three digits, the first not 0 or 1, such as 415; not ["4155"]'),
    Bad("a North American area code with its prefix", in_market("US", "TollFree", "1800"), "spec.market.areaCodes",
        'not ["1800"]'),
    Bad("an area code with its trunk prefix", in_market("DE", "Geographic", "030"), "spec.market.areaCodes",
        f'{NO_TRUNK_ZERO}; not ["030"]'),
    Bad("an area code that is no number", in_market("GB", "Geographic", "(20)"), "spec.market.areaCodes[0]",
        "one to six digits, such as 415"),
    Bad("an area code of mobile numbers", in_market("US", "Mobile", "415"), "spec.market.areaCodes",
        "leave areaCodes out, or set type to Geographic"),
    Bad("an area code listed twice", in_market("US", "Geographic", "415", "415"), "spec.market.areaCodes",
        "list each once, the preferred one first"),
    Bad("a state that is none", changed(in_market("US", "Geographic"), "spec.market.regions", ["NY", "ZZ"]),
        "spec.market.regions", 'such as CA or ON; not ["ZZ"]'),
    Bad("a state written out", changed(in_market("US", "Geographic"), "spec.market.regions", ["Texas"]),
        "spec.market.regions[0]", "two capital letters, such as CA or ON"),
    Bad("a province of another country", changed(in_market("US", "Geographic"), "spec.market.regions", ["ON"]),
        "spec.market.regions", 'not ["ON"]'),
    Bad("a state of a country without", changed(in_market("DE", "Geographic"), "spec.market.regions", ["BE"]),
        "spec.market.regions", 'not ["BE"]'),
    Bad("a state listed twice", changed(in_market("US", "Geographic"), "spec.market.regions", ["NY", "NY"]),
        "spec.market.regions", "list each once, the preferred one first"),
    Bad("a city of toll-free numbers", changed(in_market("US", "TollFree"), "spec.market.localities", ["Boston"]),
        "spec.market", "only geographic numbers are of a place"),
    Bad("a city listed twice", changed(in_market("US", "Geographic"), "spec.market.localities", ["Boston"] * 2),
        "spec.market.localities", "list each once, the preferred one first"),
    Bad("shares of more than a hundred percent",
        shared({"areaCode": "415", "percent": 60}, {"areaCode": "212", "percent": 41}), "spec.size.shares",
        "more than 100 percent together"),
    Bad("an area code with two shares",
        shared({"areaCode": "415", "percent": 20}, {"areaCode": "415", "percent": 41}), "spec.size.shares",
        "an area code has two shares: write one"),
    Bad("a state with two shares", shared({"region": "CA", "percent": 20}, {"region": "CA", "percent": 41}),
        "spec.size.shares", "a state has two shares: write one"),
    Bad("a share of no place", shared({"percent": 20}), "spec.size.shares[0]", "areaCode or region"),
    Bad("a share of two places", shared({"areaCode": "415", "region": "CA", "percent": 20}), "spec.size.shares[0]",
        "name exactly one place for each share"),
    Bad("a share of a state that is none", shared({"region": "ZZ", "percent": 20}), "spec.size.shares",
        "a state that market.country does not have"),
    Bad("a share of an area code outside the market",
        shared({"areaCode": "212", "percent": 20}, areaCodes=["415"]), "spec.size.shares",
        "size.shares names an area code that market.areaCodes does not list"),
    Bad("nothing to adopt", adopting(established=True), "spec.adopt", "numbers, match or configMapKeyRef"),
    Bad("a number to adopt that is none", adopting(numbers=["(415) 555-0123"]), "spec.adopt.numbers[0]",
        "E.164 form, a plus sign and digits without spaces"),
    Bad("a number to adopt twice", adopting(numbers=["+14155550123"] * 2), "spec.adopt.numbers[1]", "Duplicate value"),
    Bad("a pattern of every number there is", adopting(match=["*"]), "spec.adopt.match[0]", "at least 2"),
    Bad("a pattern without a country code", adopting(match=["*555"]), "spec.adopt.match[0]",
        "begin the pattern with a country code"),
    Bad("an unknown number type", in_market("US", "freephone"), "spec.market.type",
        'supported values: "Geographic", "Mobile", "National", "TollFree"'),
    Bad("an unknown capability", changed(a_pool(), "spec.market.capabilities", ["video"]),
        "spec.market.capabilities[0]", 'supported values: "Voice", "SMS", "MMS", "Fax"'),
    Bad("an account listed twice", changed(a_pool(), "spec.carriers", [{"accountRef": {"name": "main"}}] * 2),
        "spec.carriers", "list each once, the preferred one first"),
    Bad("an account listed with and without its namespace",
        changed(a_pool(), "spec.carriers", [{"accountRef": {"name": "main"}}, MAIN_OF_TEAM]),
        "spec.carriers", "write the namespace of each, so that they can be told apart"),
    Bad("an account in a namespace that can be none", changed(a_pool(), "spec.carriers",
        [{"accountRef": {"name": "main", "namespace": "Team A"}}]), "spec.carriers[0].accountRef.namespace",
        "write the name of a namespace"),
    Bad("a pattern of namespaces", changed(a_pool(), "spec.allowedNamespaces", ["team-*"]),
        "spec.allowedNamespaces[0]", '"*" alone for all; there are no patterns'),
    Bad("a profile whose name can be none", changed(a_pool(), "spec.routingProfileRef", {"name": "Front Desk"}),
        "spec.routingProfileRef.name", "write the name of an object as Kubernetes has it"),
    Bad("a duration in days", changed(a_pool(), "spec.reclaim.cooldown", "30d"), "spec.reclaim.cooldown",
        'such as "30s", "15m" or "72h" (30 days are "720h")'),
    Bad("a batch of more than a hundred", changed(a_pool(), "spec.ordering.batchSize", 101), "spec.ordering.batchSize",
        "less than or equal to 100"),
    Bad("a pool that releases what is deleted and never releases", changed(a_pool(), "spec.deletionPolicy", "Release"),
        "spec.deletionPolicy", "deletionPolicy Release needs release.mode Manual or Automatic: set it"),
    Bad("numbers that are given back by themselves at any time", changed(a_pool(), "spec.release.mode", "Automatic"),
        "spec.reclaim.idleAfter", "release.mode Automatic needs reclaim.idleAfter: say how long a number must have"),
    Bad("a release mode that is none", changed(a_pool(), "spec.release.mode", "Always"), "spec.release.mode",
        'supported values: "Never", "Manual", "Automatic"'),
    Bad("a service level of certainty", changed(a_pool(), "spec.demand.serviceLevel", "1"), "spec.demand.serviceLevel",
        'between "0.5" and "0.9999"'),
]  # fmt: skip

OTHERS = [
    Bad("an unknown provider", changed(an_account(), "spec.provider", "acme"), "spec.provider",
        'supported values: "DIDHub", "Twilio", "Telnyx"'),
    Bad("a Twilio endpoint of one product", changed(changed(an_account(), "spec.provider", "Twilio"), "spec.endpoint",
        "https://api.twilio.com"), "spec.endpoint", "write {product} where its name stands"),
    Bad("a public URL of an account whose webhooks nobody signs", changed(changed(an_account(), "spec.provider",
        "Telnyx"), "spec.webhooks", {"publicURL": "https://events.example.com"}), "spec.webhooks.publicURL",
        "name in webhookSecretRef what the carrier signs with"),
    Bad("a public URL of a carrier that tells its webhook beside the program", changed(changed(an_account(),
        "spec.webhookSecretRef", {"name": "w", "key": "k"}), "spec.webhooks", {"publicURL": "https://e.example.com"}),
        "spec.webhooks.publicURL", "leave publicURL out"),
    Bad("event streams of a carrier that has none", changed(changed(changed(an_account(), "spec.provider", "Telnyx"),
        "spec.webhookSecretRef", {"name": "w", "key": "k"}), "spec.webhooks", {"publicURL": "https://e.example.com",
        "inbound": "EventStreams"}), "spec.webhooks.inbound", "only Twilio has Event Streams"),
    Bad("a way to tell messages without where to", changed(changed(an_account(), "spec.provider", "Twilio"),
        "spec.webhooks", {"inbound": "Relay"}), "spec.webhooks.inbound", "name in publicURL where"),
    Bad("a subaccount of another carrier", changed(an_account(), "spec.subaccount", "AC" + "0" * 32),
        "spec.subaccount", "only Twilio has subaccounts that other credentials open"),
    Bad("a subaccount that is no SID", changed(an_account(), "spec.subaccount", "SK" + "0" * 32),
        "spec.subaccount", "write the SID of a subaccount"),
    Bad("an endpoint without a scheme", changed(an_account(), "spec.endpoint", "api.didhub.io"), "spec.endpoint",
        "write the URL of an API, such as https://"),
    *(
        Bad(f"an endpoint with {what}", changed(an_account(), "spec.endpoint", endpoint), "spec.endpoint",
            "without user, password, query, fragment or blanks; credentials belong into the Secret")
        for what, endpoint in {
            "user and password": "https://me:secret@api.didhub.io",
            "a user": "https://me@api.didhub.io/",
            "a query": "https://api.didhub.io/?token=secret",
            "a query and no path": "https://api.didhub.io?token=secret",
            "a fragment": "https://api.didhub.io/#top",
            "a blank": "https://api.didhub.io/ v1",
            "a line break": "https://api.didhub.io/\n",
            "a line break in its host": "https://api.didhub.io\n.evil.example",
            "no host": "https:///v1",
        }.items()
    ),
    *(
        Bad(f"a Secret whose name can be none, {name!r}", changed(an_account(), "spec.credentialsSecretRef",
            {"name": name}), "spec.credentialsSecretRef.name", "write the name of an object as Kubernetes has it")
        for name in ("My Secret", "../configmaps/x", "token_1", "-token", "token.", "Token")
    ),
    Bad("a key that no Secret has", changed(an_account(), "spec.credentialsSecretRef", {"name": "t", "key": "a b"}),
        "spec.credentialsSecretRef.key", "write a key of the data"),
    *(
        Bad(f"namespaces that match nothing, {name!r}", changed(an_account(), "spec.allowedNamespaces", ["shop", name]),
            "spec.allowedNamespaces[1]", 'write the whole name of a namespace, such as team-a, or "*" alone for all')
        for name in ("team-*", "**", "Team A", "a.b")
    ),
    Bad("a webhook with a line break", changed(a_profile(), "spec.messaging", {"webhook": {"url": "https://x.example\n"}}),
        "spec.messaging.webhook.url", "without blanks or line breaks"),
    Bad("a SIP target of two lines",
        changed(a_profile(), "spec.voice", {"sipTrunk": {"targets": [{"uri": "sip:a.example\nsip:b.example"}]}}),
        "spec.voice.sipTrunk.targets[0].uri", "write a SIP URI, such as sip:"),
    Bad("no credentials", changed(an_account(), "spec.credentialsSecretRef", LEFT_OUT), "spec.credentialsSecretRef",
        "Required value"),
    Bad("no call at all a second", changed(an_account(), "spec.limits.requestsPerSecond", 0),
        "spec.limits.requestsPerSecond", "greater than or equal to 1"),
    Bad("a sweep every second", changed(an_account(), "spec.sweepInterval", "1s"), "spec.sweepInterval",
        "write a duration from 5s to 24h"),
    Bad("calls that go to two places", changed(a_profile(), "spec.voice.agent", {"id": "a1"}), "spec.voice",
        "exactly one destination for calls: sipTrunk, webhook, application or agent"),
    Bad("calls that go nowhere", changed(a_profile(), "spec.voice", {}), "spec.voice", "exactly one destination"),
    Bad("an emergency address that is written and in a Secret", at_address(secretRef={"name": "home"}),
        "spec.emergencyAddress", "or else name its Secret (secretRef)"),
    Bad("an emergency address without a street", at_address(street=LEFT_OUT), "spec.emergencyAddress",
        "name, street, city, postalCode and country"),
    Bad("an emergency address in a state by its whole name", at_address(region="California"),
        "spec.emergencyAddress.region", "as its two letters, such as CA"),
    Bad("an emergency address in the US without a state", at_address(region=LEFT_OUT),
        "spec.emergencyAddress.region", "as its two letters, such as CA"),
    Bad("an emergency address with a postal code that is none", at_address(postalCode="9410"),
        "spec.emergencyAddress.postalCode", "as five digits, in quotes"),
    Bad("an emergency address in Canada with another country's code", at_address(country="CA", region="ON"),
        "spec.emergencyAddress.postalCode", "such as K1A 0B1"),
    Bad("an emergency address whose name is too long", at_address(name="x" * 33), "spec.emergencyAddress.name", "32"),
    Bad("a profile for neither calls nor messages", changed(a_profile(), "spec.voice", LEFT_OUT), "spec",
        "say where calls go (voice), where messages go (messaging), or both"),
    Bad("messages that go to two places",
        changed(a_profile(), "spec.messaging", {"webhook": {"url": "https://x.example"}, "service": {"id": "m"}}),
        "spec.messaging", "exactly one destination for messages: webhook or service"),
    Bad("a SIP target that is none", changed(a_profile(), "spec.voice", {"sipTrunk": {"targets": [{"uri": "pbx"}]}}),
        "spec.voice.sipTrunk.targets[0].uri", "write a SIP URI, such as sip:"),
    Bad("a name that is not the number's digits", changed(a_number(), "metadata.name", "front-desk"), "spec.number",
        "metadata.name must be the digits of spec.number: for +14155550123 it is 14155550123"),
    Bad("a number without its plus sign", changed(a_number(), "spec.number", "14155550123"), "spec.number",
        "E.164 form, a plus sign and digits without spaces"),
    Bad("an order of more than a hundred", changed(an_order(), "spec.count", 101), "spec.count",
        "less than or equal to 100"),
    Bad("an order of nothing", changed(an_order(), "spec.count", 0), "spec.count", "greater than or equal to 1"),
    Bad("a number that is named twice", changed(a_named_order(), "spec.numbers", ["+14155550123", "+14155550123"]),
        "spec.numbers", 'numbers are listed twice: ["+14155550123", "+14155550123"]; list each once'),
    Bad("a named number that is none", changed(a_named_order(), "spec.numbers", ["+1 415", "+14155550124"]),
        "spec.numbers[0]", "write each number in E.164 form, a plus sign and digits without spaces"),
    Bad("named numbers that are not as many as their count", changed(a_named_order(), "spec.count", 3), "spec.count",
        "count must be how many numbers are listed: 2"),
    Bad("named numbers and a sequence", changed(a_named_order(), "spec.sequence", 7), "spec.numbers",
        "an order names its numbers and has no sequence, or has a sequence and no numbers"),
    Bad("named numbers, called like the pool's own", changed(a_named_order(), "metadata.name", "west-7"),
        "<nil>", "metadata.name must not be the pool's name and a count"),
    Bad("named numbers for claims", changed(a_named_order(), "spec.forClaims", {"capabilities": ["SMS"]}),
        "spec.forClaims", "an order that names its numbers is for no claims: leave forClaims out"),
]  # fmt: skip

CLAIMS = [
    Bad("a Secret of a name that is none", changed(a_claim(), "spec.writeTo", {"secret": {"name": "My Secret"}}),
        "spec.writeTo.secret.name", _NAME),
    Bad("a ConfigMap of a name that is none", changed(a_claim(), "spec.writeTo", {"configMap": {"name": "-numbers"}}),
        "spec.writeTo.configMap.name", _NAME),
    Bad("a pool in a namespace of a name that is none", changed(a_claim(), "spec.poolRef.namespace", "Sales"),
        "spec.poolRef.namespace", "write the name of a namespace: lower-case letters, digits and dashes"),
    Bad("a claim on no pool", changed(a_claim(), "spec.poolRef", LEFT_OUT), "spec.poolRef", "Required value"),
    Bad("a wish for nothing", changed(a_claim(), "spec.wishes", [{}]), "spec.wishes[0]",
        "name exactly one wish in each entry: areaCode or region"),
    Bad("two wishes in one", changed(a_claim(), "spec.wishes", [{"areaCode": "415", "region": "CA"}]), "spec.wishes[0]",
        "name exactly one wish in each entry: areaCode or region"),
    Bad("an area code that is no number", changed(a_claim(), "spec.areaCode", "SF"), "spec.areaCode",
        "one to six digits, such as 415"),
    Bad("an area code that is required and not named", changed(a_claim(), "spec.areaCodeRequired", True),
        "spec.areaCodeRequired", "areaCodeRequired needs an area code to require: name one in areaCode or wishes"),
    Bad("a region in place of a required area code",
        changed(changed(a_claim(), "spec.areaCodeRequired", True), "spec.wishes", [{"region": "CA"}]),
        "spec.areaCodeRequired", "areaCodeRequired needs an area code to require: name one in areaCode or wishes"),
    Bad("seventeen wishes", changed(a_claim(), "spec.wishes", [{"areaCode": "415"}] * 17), "spec.wishes", "at most 16"),
    Bad("a capability that is none", changed(a_claim(), "spec.capabilities", ["video"]), "spec.capabilities[0]",
        'supported values: "Voice", "SMS", "MMS", "Fax"'),
    Bad("a number that is named by its E.164 form", changed(a_claim(), "spec.phoneNumberName", "+14155550123"),
        "spec.phoneNumberName", "write the name of a PhoneNumber: its digits, such as 14155550123"),
    Bad("a number that is written to two places",
        changed(a_claim(), "spec.writeTo", {"secret": {"name": "s"}, "configMap": {"name": "c"}}),
        "spec.writeTo", "name exactly one place: secret or configMap"),
    Bad("a number that is written to no place", changed(a_claim(), "spec.writeTo", {}), "spec.writeTo",
        "name exactly one place: secret or configMap"),
    Bad("a way out that is none", changed(a_claim(), "spec.onNoStock", "Steal"), "spec.onNoStock",
        'supported values: "Wait", "Fail", "Order"'),
]  # fmt: skip

BUNDLES = [
    Bad("a bundle of no country", changed(a_bundle(), "spec.country", "UK"), "spec.country", "GB (not UK)"),
    Bad("a bundle for no numbers", changed(a_bundle(), "spec.numberTypes", []), "spec.numberTypes", "at least 1"),
    Bad("a bundle for one carrier twice", changed(a_bundle(), "spec.carriers", [{"name": "main"}] * 2), "spec.carriers",
        "an account is listed twice; list each once, the preferred one first"),
    Bad("a bundle for no carrier", changed(a_bundle(), "spec.carriers", []), "spec.carriers", "at least 1"),
    Bad("an end user of no type", changed(a_bundle(), "spec.endUser", {"type": "club"}), "spec.endUser.type",
        'supported values: "Business", "Individual"'),
    Bad("an attribute without a value", changed(a_bundle(), "spec.address", [{"name": "city"}]), "spec.address[0]",
        "say it here (value), or where it is kept (secretKeyRef)"),
    Bad("an attribute twice", changed(a_bundle(), "spec.address", [{"name": "city", "value": "Bonn"}] * 2),
        "spec.address[1]", "Duplicate value"),
    Bad("a document in two places", a_bundle_with(file={"path": "a.pdf", "secretKeyRef": {"name": "a", "key": "b"}}),
        "spec.documents[0].file", "name exactly one place for the file: secretKeyRef, configMapKeyRef or path"),
    Bad("a file outside of the documents directory", a_bundle_with(file={"path": "../../etc/passwd"}),
        "spec.documents[0].file.path", "write a path below the operator's documents directory"),
    Bad("a file of no known type", a_bundle_with(mediaType="image/gif"), "spec.documents[0].mediaType",
        'supported values: "application/pdf", "image/jpeg", "image/png"'),
    Bad("a document's name with a blank", a_bundle_with(name="trade register"), "spec.documents[0].name",
        "lower-case letters, digits and dashes"),
    Bad("a contact that is no address", changed(a_bundle(), "spec.contact", "the office"), "spec.contact",
        "write an e-mail address"),
    Bad("a renewal in days", changed(a_bundle(), "spec.renewBefore", "30d"), "spec.renewBefore", 'such as "30s"'),
    Bad("a renewal too late", changed(a_bundle(), "spec.renewBefore", "1m"), "spec.renewBefore", "from 1h to 8760h"),
]  # fmt: skip
SETS = [
    *(
        Bad(f"a region of no country, {country}", changed(a_set(), "spec.regions", [a_region(country)]),
            "spec.regions[0].country", "write the two capital letters of a country's ISO 3166-1 code, such as US, DE")
        for country in ("UK", "ZZ", "Germany")
    ),
    Bad("a size beside a volume", changed(a_set(), "spec.dailyVolume", 200), "spec.size", "can't be scaled"),
    Bad("a pool twice", changed(a_set(), "spec.pools", [{"name": "us-west"}] * 2), "spec.pools",
        "a pool is listed twice; list each once, the preferred one first"),
    Bad("a pool with and without its namespace",
        changed(a_set(), "spec.pools", [{"name": "us-west"}, {"name": "us-west", "namespace": "telecom"}]),
        "spec.pools", "the name of a pool is listed twice: write the namespace of each"),
    Bad("a region's area code with its trunk prefix", changed(a_set(), "spec.regions", [a_region("DE", "030", "89")]),
        "spec.regions[0].areaCodes", f'{NO_TRUNK_ZERO}; not ["030"]'),
    Bad("a region's area code of four digits", changed(a_set(), "spec.regions", [a_region("US", "1415")]),
        "spec.regions[0].areaCodes", f'{NANP_SHAPE}; not ["1415"]'),
]  # fmt: skip

QUOTAS = [
    Bad("fewer numbers than none", changed(a_quota(), "spec.limits.numbers", -1), "spec.limits.numbers",
        "greater than or equal to 0"),
    Bad("a spend with its currency", changed(a_quota(), "spec.limits.monthlySpend", "$50"), "spec.limits.monthlySpend",
        "no currency sign"),
    Bad("fewer orders than none", changed(a_quota(), "spec.limits.ordersPerDay", -1), "spec.limits.ordersPerDay",
        "greater than or equal to 0"),
    Bad("a currency in small letters", changed(a_quota(), "spec.limits.currency", "usd"), "spec.limits.currency",
        "three capital letters, such as USD"),
    Bad("bills in a state that is none", changed(a_quota(), "spec.billing", "Late"), "spec.billing",
        'supported values: "Current", "PastDue", "Suspended"'),
    Bad("a grace in days", changed(a_quota(), "spec.grace", "7d"), "spec.grace", 'such as "30s", "15m" or "72h"'),
]  # fmt: skip

NAMED = changed(a_claim(), "spec.phoneNumberName", "14155550123")

SERVICES = [
    Bad("a strictness of a country", changed(a_service(), "spec.geoMatch", {"level": "Country", "strict": True}),
        "spec.geoMatch.strict", "strict has a meaning with the levels AreaCode and Region only"),
    Bad("a time to live beyond the longest", changed(a_service(), "spec.maxTTL", "1h"), "spec.defaultTTL",
        "defaultTTL can't be longer than maxTTL"),
    Bad("more numbers at least than at most", changed(a_service(), "spec.minNumbers", 101), "spec.minNumbers",
        "minNumbers can't be more than maxNumbers"),
    Bad("a quarantine of no time", changed(a_service(), "spec.reuseQuarantine", "0s"), "spec.reuseQuarantine",
        "write a duration from 1m to 720h"),
    Bad("a reserved number as people write it", changed(a_service(), "spec.reserved", ["(415) 555-0123"]),
        "spec.reserved[0]", "write a number in E.164 form, such as +14155550123"),
    Bad("a pool named twice", changed(a_service(), "spec.pools", [{"name": "west"}] * 2), "spec.pools", "twice"),
]  # fmt: skip

CHANGES = [
    Bad("a claim's pool", changed(a_claim(), "spec.poolRef.name", "east"), "spec.poolRef",
        "poolRef can't change: make another claim for a number of another pool"),
    Bad("a claim's pool's namespace", changed(a_claim(), "spec.poolRef.namespace", "other"), "spec.poolRef",
        "poolRef can't change"),
    Bad("the number that a claim names", NAMED, "spec.phoneNumberName",
        "phoneNumberName can't change: delete the claim and make another one"),
    Bad("a pool's country", changed(a_pool(), "spec.market.country", "CA"), "spec.market.country",
        "country can't change: the numbers of a pool are of one country; make another pool"),
    Bad("a pool's number type", changed(a_pool(), "spec.market.type", "TollFree"), "spec.market.type",
        "type can't change"),
    Bad("an order", changed(an_order(), "spec.count", 31), "spec",
        "spec can't change: an order is the record of a purchase; change its pool"),
    Bad("an account's subaccount", changed(an_account(), "spec.subaccount", "AC" + "0" * 32), "spec.subaccount",
        "subaccount can't come or go"),
    Bad("a number's account", changed(a_number(), "spec.accountRef.name", "other"), "spec.accountRef",
        "accountRef can't change: the number is held by the account that it was bought from"),
]  # fmt: skip


BAD = (*POOLS, *OTHERS, *BUNDLES, *CLAIMS, *QUOTAS, *SETS, *SERVICES)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.why)
def test_a_bad_manifest_is_refused_with_the_field_and_what_to_write(api: Api, namespace: str, bad: Bad) -> None:
    with pytest.raises(Refused) as refused:
        api.create(bad.manifest, namespace)
    assert said_of(bad.field, refused.value.complaint)
    assert bad.advice in refused.value.complaint


@pytest.mark.parametrize("bad", [POOLS[0], POOLS[1], CLAIMS[0]], ids=lambda bad: bad.why)
def test_kubectl_tells_its_user_just_that(kubectl: Kubectl, namespace: str, bad: Bad) -> None:
    with pytest.raises(KubectlFailed) as refused:
        kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(bad.manifest))
    assert said_of(bad.field, refused.value.complaint)
    assert bad.advice in refused.value.complaint


@pytest.mark.parametrize(
    ("manifest", "field", "old", "new"),
    [
        (an_account(), "spec.provider", "didhub", ["DIDHub", "Twilio", "Telnyx"]),
        (a_bundle(), "spec.endUser.type", "business", ["Business", "Individual"]),
        (a_pool(), "spec.market.type", "tollFree", ["Geographic", "Mobile", "National", "TollFree"]),
        (a_set(), "spec.channel", "sms", ["Voice", "SMS"]),
        (a_set(), "spec.sticky.mode", "off", ["Prefer", "Strict", "None"]),
        (a_set(), "spec.replies", "free", ["Free", "Counted"]),
    ],
)
def test_the_spelling_of_0_1_is_refused_with_that_of_today(
    api: Api, namespace: str, manifest: Manifest, field: str, old: str, new: list[str]
) -> None:
    """The API server's own message for an enum says it, so that no rule beside it has to say it again."""
    words = ", ".join(f'"{word}"' for word in new)
    with pytest.raises(Refused) as refused:
        api.create(changed(manifest, field, old), namespace)
    assert f'{field}: Unsupported value: "{old}": supported values: {words}' in refused.value.complaint


@pytest.mark.parametrize("bad", CHANGES, ids=lambda bad: bad.why)
def test_what_must_not_change_is_refused_with_what_to_do_instead(api: Api, namespace: str, bad: Bad) -> None:
    kinds = {
        "NumberPool": a_pool,
        "NumberOrder": an_order,
        "PhoneNumber": a_number,
        "NumberClaim": a_claim,
        "CarrierAccount": an_account,
    }
    good = kinds[bad.manifest["kind"]]()
    api.create(good, namespace)
    with pytest.raises(Refused) as refused:
        api.patch(good["kind"], good["metadata"]["name"], {"spec": bad.manifest["spec"]}, namespace)
    assert said_of(bad.field, refused.value.complaint)
    assert bad.advice in refused.value.complaint


@pytest.mark.parametrize("name", ["14155550124", None])
def test_the_number_that_a_claim_names_neither_changes_nor_is_taken_away(
    api: Api, namespace: str, name: str | None
) -> None:
    api.create(NAMED, namespace)
    with pytest.raises(Refused, match="phoneNumberName can't change"):
        api.patch("nc", "line", {"spec": {"phoneNumberName": name}}, namespace)


def test_a_set_that_follows_its_volume_can_not_be_scaled_and_kubectl_says_what_to_do(
    api: Api, kubectl: Kubectl, namespace: str
) -> None:
    api.create(changed(changed(a_set(), "spec.size", LEFT_OUT), "spec.dailyVolume", 200), namespace)
    with pytest.raises(KubectlFailed) as refused:
        kubectl("scale", "rotationset/calls", "--replicas=3", "-n", namespace)
    assert "set size in the place of dailyVolume" in refused.value.complaint


BRANDED = changed(a_set(), "spec.messaging", {"brand": "acme"})


@pytest.mark.parametrize(
    "messaging", [pytest.param({"brand": "acme inc"}, id="another"), pytest.param(None, id="none")]
)
def test_guardrail_the_brand_by_which_opt_outs_are_kept_neither_changes_nor_is_taken_away(
    api: Api, namespace: str, messaging: dict[str, str] | None
) -> None:
    api.create(changed(BRANDED, "spec.messaging", None), namespace)
    api.patch("rotationset", "calls", {"spec": BRANDED["spec"]}, namespace)
    with pytest.raises(Refused, match=r"messaging\.brand can't change"):
        api.patch("rotationset", "calls", {"spec": {"messaging": messaging}}, namespace)


def said_of(field: str, complaint: str) -> bool:
    """Whether the complaint blames `field`: as `spec.size.min: ...`, or as `unknown field "spec.size.min"`."""
    return f"{field}: " in complaint or f'"{field}"' in complaint
