"""Operations on customers, models of their risk, and merchants' exposure: /v1/aml/...

Guards: a read of a customer's facts is in the audit log before it is told; keys that are bound to a
merchant reach nothing here (tipping-off); what lowers a level, and a model, wait for another
person. Not done here: what the acts do (`customers`, `model_desk`).
"""

from __future__ import annotations

import re
from typing import Any, Final

from paywarden.aml.customer_risk.customers import Customers
from paywarden.aml.customer_risk.exposures import Exposures
from paywarden.aml.customer_risk.forms import CUSTOMER_PATTERN, CustomerForm
from paywarden.aml.customer_risk.model import Level
from paywarden.aml.customer_risk.payloads import LowerRisk, lower_payload
from paywarden.aml.customer_risk.ports import Wanted
from paywarden.aml.customer_risk.requests import (
    AssessmentsQuery,
    CustomerDiligenceRequest,
    CustomerOverrideRequest,
    CustomerReason,
    CustomerReviewRequest,
    CustomerScreening,
    CustomersQuery,
    CustomersRequest,
    MerchantExposureQuery,
)
from paywarden.aml.customer_risk.standing import Done
from paywarden.aml.customer_risk.views import (
    AssessmentPage,
    CustomerCalendar,
    CustomerPage,
    CustomersAnswer,
    CustomerView,
    MerchantExposure,
    calendar,
    history_page,
    summary,
    view,
)
from paywarden.aml.customer_risk.writing import Known
from paywarden.core.clock import Clock
from paywarden.core.errors import Conflict, NotFound, NotPermitted
from paywarden.evidence.read_watch import ReadWatch
from paywarden.identity.approvals.catalogue import CUSTOMER_RISK_LOWER
from paywarden.identity.approvals.http import ApprovalView, maker_of, waiting
from paywarden.identity.approvals.service import Approvals, Waiting
from paywarden.kit.http.operation import Answer, Call, Operation

READ, WRITE, JUDGE = "customers:read", "customers:write", "customers:judge"
TAG: Final = "aml"
_NAME: Final = re.compile(CUSTOMER_PATTERN)
ROOT: Final = "/v1/aml/customers"
ONE: Final = ROOT + "/{customer}"
_PATH: Final[dict[str, Any]] = {
    "tag": TAG,
    "path_texts": {"customer": "Id of the customer, as payments name payer, payee or merchant"},
    "path_patterns": {"customer": CUSTOMER_PATTERN},
}


class CustomerOperations:
    """Handlers over customers."""

    def __init__(
        self, customers: Customers, exposures: Exposures, approvals: Approvals,
        watch: ReadWatch, clock: Clock,
    ) -> None:  # fmt: skip
        self._customers = customers
        self._exposures = exposures
        self._approvals = approvals
        self._watch = watch
        self._clock = clock

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            Operation("PUT", ONE, "put_customer", "Send a customer's facts, and assess them",
                      self.put, CustomerView, CustomerForm, permission=WRITE, **_PATH),
            Operation("POST", ROOT, "put_customers", "Send the facts of many customers",
                      self.put_many, CustomersAnswer, CustomersRequest, permission=WRITE, tag=TAG,
                      body_limit=1024 * 1024, cost=lambda body, _query: len(body.customers)),
            Operation("GET", ROOT, "list_customers", "List customers by level or what waits",
                      self.page, CustomerPage, query=CustomersQuery, permission=READ, tag=TAG),
            Operation("GET", ONE, "get_customer", "Read a customer with the explanation",
                      self.read, CustomerView, permission=READ, **_PATH),
            Operation("GET", ONE + "/history", "get_customer_history",
                      "Read every assessment of a customer", self.history, AssessmentPage,
                      query=AssessmentsQuery, permission=READ, **_PATH),
            Operation("POST", ONE + "/screening", "screen_customer",
                      "Send results of a customer's screening", self.screened, CustomerView,
                      CustomerScreening, permission=WRITE, **_PATH),
            Operation("POST", ONE + "/override", "override_customer",
                      "Set a level in place of the model's; lowering takes an approval",
                      self.override, CustomerView, CustomerOverrideRequest, permission=JUDGE,
                      also_answers={202: ApprovalView}, **_PATH),
            Operation("POST", ONE + "/override/end", "end_customer_override",
                      "Let the model's level count again", self.end_override, CustomerView,
                      CustomerReason, permission=JUDGE, **_PATH),
            Operation("POST", ONE + "/review", "review_customer",
                      "Say that a customer was reviewed", self.review, CustomerView,
                      CustomerReviewRequest, permission=JUDGE, **_PATH),
            Operation("POST", ONE + "/diligence", "set_customer_diligence",
                      "Say that an item of diligence is done", self.diligence, CustomerView,
                      CustomerDiligenceRequest, permission=JUDGE, **_PATH),
            Operation("GET", "/v1/aml/calendar", "get_customer_calendar",
                      "Customers by level, reviews overdue, diligence undone", self.calendar,
                      CustomerCalendar, permission=READ, tag=TAG),
            Operation("GET", "/v1/aml/merchants/{merchant}/exposure", "get_merchant_exposure",
                      "What a merchant could come to owe: reserve, hold, limit", self.exposure,
                      MerchantExposure, query=MerchantExposureQuery, permission=READ, tag=TAG,
                      path_texts={"merchant": "Id of the merchant, as payments name it"},
                      path_patterns={"merchant": CUSTOMER_PATTERN}),
        ]  # fmt: skip

    async def put(self, call: Call) -> Answer:
        """PUT /v1/aml/customers/{customer}. Errors: InvalidRequest."""
        _whole_house(call)
        asker = call.asker
        known = await self._customers.put(asker.scope, _customer(call), call.body, asker.actor)
        return self._told(call, known)

    async def put_many(self, call: Call) -> Answer:
        """POST /v1/aml/customers. Errors: InvalidRequest."""
        _whole_house(call)
        asker, body = call.asker, call.body
        given = [(one.customer, one.form) for one in body.customers]
        found = await self._customers.put_many(asker.scope, given, asker.actor)
        now = self._clock.now_us()
        return Answer(CustomersAnswer([summary(one, now) for one in found]))

    async def page(self, call: Call) -> Answer:
        """GET /v1/aml/customers."""
        _whole_house(call)
        query: CustomersQuery = call.query
        scope, now = call.asker.scope, self._clock.now_us()
        wanted = Wanted(
            int(Level.parse(query.level)) if query.level else None, query.waiting == "review",
            query.waiting == "diligence", query.waiting == "override", now,
        )  # fmt: skip
        rows = self._customers.store.page(scope, wanted, query.after, query.limit + 1)
        shown = rows[: query.limit]
        await self._watch.read(call.asker, "customer_risk:customers:list", {"shown": len(shown)})
        items = [summary(self._customers.known(scope, row), now) for row in shown]
        more = len(rows) > query.limit
        return Answer(CustomerPage(items, more, shown[-1].ref if more else None))

    async def read(self, call: Call) -> Answer:
        """GET /v1/aml/customers/{customer}. Errors: NotFound."""
        _whole_house(call)
        known = self._customers.find(call.asker.scope, _customer(call))
        detail = {"customer": known.row.ref}
        await self._watch.read(call.asker, "customer_risk:customer:read", detail)
        return self._told(call, known)

    async def history(self, call: Call) -> Answer:
        """GET /v1/aml/customers/{customer}/history. Errors: NotFound."""
        _whole_house(call)
        scope, query = call.asker.scope, call.query
        known = self._customers.find(scope, _customer(call))
        detail = {"customer": known.row.ref}
        await self._watch.read(call.asker, "customer_risk:history:read", detail)
        found = self._customers.history(scope, known.row.ref, query.before, query.limit + 1)
        return Answer(history_page(found, query.limit))

    async def screened(self, call: Call) -> Answer:
        """POST /v1/aml/customers/{customer}/screening. Errors: NotFound."""
        _whole_house(call)
        asker = call.asker
        known = await self._customers.screened(asker.scope, _customer(call), call.body, asker.actor)
        return self._told(call, known)

    async def override(self, call: Call) -> Answer:
        """POST /v1/aml/customers/{customer}/override. Errors: NotFound, Conflict."""
        _whole_house(call)
        asker, body, customer = call.asker, call.body, _customer(call)
        level = Level.parse(body.level)
        if not self._customers.lowers(asker.scope, customer, level):
            known = await self._customers.raise_level(
                asker.scope, customer, level, body.days, body.reason, asker.actor
            )
            return self._told(call, known)
        wanted = LowerRisk(customer, body.level, body.days, body.reason)
        self._customers.check_lower(asker.scope, wanted)
        done = await self._approvals.perform(
            asker.scope, CUSTOMER_RISK_LOWER, lower_payload(wanted), maker_of(asker), body.reason
        )
        if isinstance(done, Waiting):
            return waiting(self._approvals, done)
        return self._told(call, self._customers.find(asker.scope, customer))

    async def end_override(self, call: Call) -> Answer:
        """POST /v1/aml/customers/{customer}/override/end. Errors: NotFound, Conflict."""
        _whole_house(call)
        asker = call.asker
        known = await self._customers.end_override(
            asker.scope, _customer(call), call.body.reason, asker.actor
        )
        return self._told(call, known)

    async def review(self, call: Call) -> Answer:
        """POST /v1/aml/customers/{customer}/review. Errors: NotFound."""
        _whole_house(call)
        asker = call.asker
        known = await self._customers.review(
            asker.scope, _customer(call), call.body.note, asker.actor
        )
        return self._told(call, known)

    async def diligence(self, call: Call) -> Answer:
        """POST /v1/aml/customers/{customer}/diligence. Errors: NotFound, Conflict."""
        _whole_house(call)
        asker, body = call.asker, call.body
        if body.state != "open" and not body.note.strip():
            raise Conflict("diligence_note_missing", "say in the note what was found, and where")
        done = None
        if body.state != "open":
            done = Done(body.state, asker.actor, self._clock.now_us(), body.note)
        known = await self._customers.diligence(
            asker.scope, _customer(call), body.item, done, asker.actor
        )
        return self._told(call, known)

    async def calendar(self, call: Call) -> Answer:
        """GET /v1/aml/calendar."""
        _whole_house(call)
        scope, models = call.asker.scope, self._customers.models
        counts = self._customers.store.counts(scope, self._clock.now_us())
        return Answer(calendar(counts, models.in_force(scope), models.stale(scope)))

    async def exposure(self, call: Call) -> Answer:
        """GET /v1/aml/merchants/{merchant}/exposure. Errors: NotFound."""
        _whole_house(call)
        return Answer(
            self._exposures.view(
                call.asker.scope, _customer(call, "merchant"), call.query.mcc or None
            )
        )

    def _told(self, call: Call, known: Known) -> Answer:
        scope = call.asker.scope
        row = known.row
        steps = self._customers.history(scope, row.ref, row.number + 1, 1)
        model = self._customers.models.in_force(scope)
        step = steps[0][1] if steps else None
        return Answer(view(known, step, model, self._clock.now_us()))


def _whole_house(call: Call) -> None:
    """Customers and their risk are the operator's; a merchant's key sees nothing of them."""
    if call.asker.merchant is not None:
        raise NotPermitted("other_merchant", "customers are the operator's; this key is not")


def _customer(call: Call, parameter: str = "customer") -> str:
    """The id that the path names. Errors: NotFound for what can be nobody's."""
    text = call.path[parameter]
    if not _NAME.fullmatch(text):
        raise NotFound("customer_unknown", "no such customer is kept here")
    return text
