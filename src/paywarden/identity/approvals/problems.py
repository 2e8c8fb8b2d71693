"""Every problem code of approvals with its remedy."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "action_unavailable": "Nothing in this installation carries the action out.",
    "action_unknown": "See the catalogue in docs/reference/approvals.md.",
    "approval_ambiguous": "Approve at /v1/approvals/{id}/approve the request that you mean.",
    "approval_busy": "Somebody is working on the request; look at it again.",
    "approval_closed": "The request has ended; ask anew.",
    "approval_cooling": "Wait until `ready_at`.",
    "approval_damaged": "The store fails its own check; restore it.",
    "approval_executed_elsewhere": "Fetch the grant and take it where the act is done.",
    "approval_expired": "Ask anew.",
    "approval_maker": "Another role asks for such acts; see the catalogue.",
    "approval_needed": "Ask for approval at /v1/approvals of the running server.",
    "approval_needs_passkey": "Approve with a passkey: a code does not bind what is approved.",
    "approval_needs_person": "Sign in as a person.",
    "approval_not_found": "No such request in this tenant and environment.",
    "approval_not_given": "You have not approved this request.",
    "approval_not_yours": "Only who asked cancels it and has it done.",
    "approval_own": "Somebody else has to approve this.",
    "approval_proof": "Send an assertion over the challenge, or a code.",
    "approval_refused": "The approval does not verify; the detail says why.",
    "approval_repeated": "You have approved this already.",
    "approval_request_invalid": "Give a reason of 1 to 500 characters; keep the payload small.",
    "approval_role": "Another role approves such acts; see the catalogue.",
    "approval_used": "A fault of ours; quote the request id.",
    "approval_worn_out": "Ask anew.",
    "approvals_full": "Settle or cancel open requests first.",
    "approvals_missing": "Others have to approve first.",
    "approved_for_another_act": "A fault of ours; quote the request id.",
    "list_edit_needs_approval": "Send many entries to /v1/lists/{name}/edits.",
    "payload_differs": "The stored payload is not what was signed; ask anew.",
    "role_exclusive": "One person may not hold both roles; see docs/reference/permissions.md.",
    "step_up_needed": "Prove your factors at /v1/identity/verify/..., then try again.",
}
"""Code to remedy."""
