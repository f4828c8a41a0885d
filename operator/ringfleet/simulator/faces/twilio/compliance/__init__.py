"""Regulatory Compliance v2 at the Twilio face.

::

    Address <--address_sids-- SupportingDocument --+
                              EndUser -------------+--ItemAssignment--> Bundle --Status=pending-review--> review

    regulations.py    what is asked for
    addresses.py      addresses
    papers.py         end users and documents
    bundles.py        bundles, what is in them, their review
    form.py           a form that is never quoted

Three traps are as they are there: two things may have one FriendlyName, and end users and documents can't be searched;
the bytes of a document go to another host; a bundle says no reason when it is rejected, only its documents do. What
comes in here is personal data: nothing that is read is quoted when it is refused.
"""

from __future__ import annotations

from typing import Final

from ringfleet.simulator.faces.twilio.compliance import addresses, bundles, papers, regulations
from ringfleet.simulator.faces.twilio.wire import API
from ringfleet.simulator.faults.rules import Operation

_RC: Final = "/v2/RegulatoryCompliance"
_NUMBERS: Final = f"/twilio/numbers{_RC}"

ROUTES: Final = (
    ("GET", f"{_NUMBERS}/Regulations", Operation.REQUIREMENTS, regulations.regulations),
    ("GET", f"{_NUMBERS}/Regulations/{{sid}}", Operation.REQUIREMENTS, regulations.regulation),
    ("GET", f"{API}/Addresses.json", Operation.SERVICE_GET, addresses.addresses),
    ("POST", f"{API}/Addresses.json", Operation.SERVICE_PUT, addresses.create_address),
    ("GET", f"{API}/Addresses/{{sid}}.json", Operation.SERVICE_GET, addresses.address),
    ("DELETE", f"{API}/Addresses/{{sid}}.json", Operation.SERVICE_DELETE, addresses.delete_address),
    ("GET", f"{_NUMBERS}/EndUsers", Operation.ITEM_FIND, papers.end_users),
    ("GET", f"{_NUMBERS}/EndUsers/{{sid}}", Operation.ITEM_FIND, papers.end_user),
    ("POST", f"{_NUMBERS}/EndUsers", Operation.END_USER_CREATE, papers.create_end_user),
    ("GET", f"{_NUMBERS}/SupportingDocuments", Operation.ITEM_FIND, papers.documents),
    ("GET", f"{_NUMBERS}/SupportingDocuments/{{sid}}", Operation.ITEM_FIND, papers.document),
    ("POST", f"{_NUMBERS}/SupportingDocuments", Operation.DOCUMENT_CREATE, papers.create_document),
    ("POST", f"/twilio/numbers-upload{_RC}/SupportingDocuments", Operation.DOCUMENT_CREATE, papers.create_document),
    ("GET", f"{_NUMBERS}/Bundles", Operation.BUNDLE_FIND, bundles.bundles),
    ("POST", f"{_NUMBERS}/Bundles", Operation.BUNDLE_CREATE, bundles.create_bundle),
    ("GET", f"{_NUMBERS}/Bundles/{{sid}}", Operation.BUNDLE_GET, bundles.bundle),
    ("POST", f"{_NUMBERS}/Bundles/{{sid}}", Operation.BUNDLE_SUBMIT, bundles.change_bundle),
    ("GET", f"{_NUMBERS}/Bundles/{{sid}}/ItemAssignments", Operation.BUNDLE_GET, bundles.assignments),
    ("POST", f"{_NUMBERS}/Bundles/{{sid}}/ItemAssignments", Operation.BUNDLE_ITEMS, bundles.assign),
    ("DELETE", f"{_NUMBERS}/Bundles/{{sid}}/ItemAssignments/{{item}}", Operation.BUNDLE_ITEMS, bundles.take_out),
    ("DELETE", f"{_NUMBERS}/EndUsers/{{sid}}", Operation.ITEM_DELETE, papers.delete_end_user),
    ("DELETE", f"{_NUMBERS}/SupportingDocuments/{{sid}}", Operation.ITEM_DELETE, papers.delete_document),
    ("DELETE", f"{_NUMBERS}/Bundles/{{sid}}", Operation.BUNDLE_DELETE, bundles.delete),
    ("POST", f"{_NUMBERS}/Bundles/{{sid}}/Copies", Operation.BUNDLE_CREATE, bundles.copy),
    ("POST", f"{_NUMBERS}/Bundles/{{sid}}/ReplaceItems", Operation.BUNDLE_ITEMS, bundles.replace_items),
    ("POST", f"{_NUMBERS}/Bundles/{{sid}}/Evaluations", Operation.BUNDLE_EVALUATE, bundles.evaluate),
)
