"""Shapes of what is read of real-user monitoring."""

from __future__ import annotations

from marshmallow import Schema, fields

from app.api.answers import Time, nullable


class Vital(Schema):
    """A web vital: its 75th percentile (ms, but for CLS), and how many samples are good, need
    improvement, and are poor.
    """

    name = fields.String(required=True)
    p75 = nullable(fields.Float, required=True)
    rating = nullable(fields.String, required=True)
    samples = fields.Integer(required=True)
    good = fields.Integer(required=True)
    needs = fields.Integer(required=True)
    poor = fields.Integer(required=True)


class Measures(Schema):
    """75th percentiles where there are samples: ``load`` and vitals in ms, ``cls`` a score."""

    load_ms = fields.Float(data_key="load", attribute="load")
    lcp = fields.Float()
    inp = fields.Float()
    cls = fields.Float()


class PageRow(Schema):
    """A page, or with ``rule`` all pages that a path rule fits. ``before`` is of the span before.
    ``errors`` and ``error_users`` are null while crashes cannot be counted.
    """

    page = fields.String(required=True)
    rule = fields.Boolean(required=True)
    views = fields.Integer(required=True)
    users = fields.Integer(required=True)
    p75 = fields.Nested(Measures, required=True)
    before = fields.Nested(Measures, required=True)
    errors = nullable(fields.Integer, required=True)
    error_users = nullable(fields.Integer, required=True)


class Mover(Schema):
    """A page that got slower: ``change`` 0.5 is half as much again."""

    page = fields.String(required=True)
    measure = fields.String(required=True)
    before = fields.Float(required=True)
    now = fields.Float(required=True)
    change = fields.Float(required=True)


class Moment(Schema):
    """A step of a trend."""

    at = Time(required=True)
    views = fields.Integer(required=True)
    p75 = fields.Nested(Measures, required=True)


class Overview(Schema):
    """Vitals and pages of a project. ``users`` and ``sessions`` are estimates above 3,000."""

    project = fields.String(required=True)
    start = Time(required=True, data_key="from")
    end = Time(required=True, data_key="to")
    views = fields.Integer(required=True)
    sessions = fields.Integer(required=True)
    users = fields.Integer(required=True)
    vitals = fields.List(fields.Nested(Vital), required=True)
    load_p75 = nullable(fields.Float, required=True)
    pages = fields.List(fields.Nested(PageRow), required=True)
    other_views = fields.Integer(required=True)
    movers = fields.List(fields.Nested(Mover), required=True)
    trend = fields.List(fields.Nested(Moment), required=True)


class Share(Schema):
    """A value of an attribute, and how many views had it."""

    value = fields.String(required=True)
    views = fields.Integer(required=True)
    load_p75 = nullable(fields.Float, required=True)


class PathViews(Schema):
    """A path of a rule's page, and how many views it had."""

    value = fields.String(required=True)
    views = fields.Integer(required=True)


class Bar(Schema):
    """A bar of a histogram: views from ``start_ms`` up to the next bar."""

    start_ms = fields.Float(required=True)
    views = fields.Integer(required=True)


class ResourceRow(Schema):
    """What views of a page loaded beside it, over those sampled; times in ms."""

    kind = fields.String(required=True)
    name = fields.String(required=True)
    count = fields.Integer(required=True)
    median_ms = nullable(fields.Float, required=True)
    p75_ms = nullable(fields.Float, required=True)
    slowest_ms = nullable(fields.Float, required=True)
    bytes = nullable(fields.Float, required=True)
    failed = fields.Integer(required=True)


class RecentView(Schema):
    """A recent view, with its session."""

    event_id = fields.String(required=True)
    at = fields.String(required=True)
    session_id = nullable(fields.String, required=True)
    user = nullable(fields.String, required=True)
    load_ms = nullable(fields.Float, required=True)
    browser = nullable(fields.String, required=True)


class PageErrors(Schema):
    """Crashes of a page, and the groups that most of them are in."""

    errors = fields.Integer(required=True)
    users = fields.Integer(required=True)
    groups = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class PageDetail(Schema):
    """One page. ``phases`` are medians in ms, ``resources`` of the ``sampled`` latest events."""

    project = fields.String(required=True)
    page = fields.String(required=True)
    rule = fields.Boolean(required=True)
    start = Time(required=True, data_key="from")
    end = Time(required=True, data_key="to")
    views = fields.Integer(required=True)
    users = fields.Integer(required=True)
    sessions = fields.Integer(required=True)
    vitals = fields.List(fields.Nested(Vital), required=True)
    load_p75 = nullable(fields.Float, required=True)
    phases = fields.Dict(keys=fields.String(), values=fields.Float(), required=True)
    histogram = fields.List(fields.Nested(Bar), required=True)
    shares = fields.Dict(
        keys=fields.String(), values=fields.List(fields.Nested(Share)), required=True
    )
    resources = fields.List(fields.Nested(ResourceRow), required=True)
    sampled = fields.Integer(required=True)
    recent = fields.List(fields.Nested(RecentView), required=True)
    paths = fields.List(fields.Nested(PathViews), required=True)
    trend = fields.List(fields.Nested(Moment), required=True)
    errors = nullable(fields.Nested, nested=PageErrors, required=True)


class PathRulesAnswer(Schema):
    """Path rules in the order they are tried; version 0 is a project that never had any."""

    project = fields.String(required=True)
    version = fields.Integer(required=True)
    rules = fields.List(fields.String(), required=True)
    changed_by = nullable(fields.String, required=True)
    changed_at = nullable(Time, required=True)


class RuleEffect(Schema):
    """What a rule makes one page of; ``examples`` are its most viewed paths."""

    rule = fields.String(required=True)
    paths = fields.Integer(required=True)
    views = fields.Integer(required=True)
    examples = fields.List(fields.String(), required=True)


class Suggestion(Schema):
    """A rule that would make one page of many paths."""

    rule = fields.String(required=True)
    paths = fields.Integer(required=True)
    views = fields.Integer(required=True)


class RulesPreview(Schema):
    """What rules would do to the ``looked_at`` most viewed paths of the last days, before they
    apply; and rules that would help.
    """

    looked_at = fields.Integer(required=True)
    rows_before = fields.Integer(required=True)
    rows_after = fields.Integer(required=True)
    effects = fields.List(fields.Nested(RuleEffect), required=True)
    suggestions = fields.List(fields.Nested(Suggestion), required=True)
