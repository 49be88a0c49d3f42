"""The platform's scopes: what a token may be limited to, by name.

A name by itself stands for reading and changing, with ``:readonly`` for reading alone.
"""

from typing import Final

import msgspec

READ_ONLY: Final = ":readonly"
ALL: Final = "all"


class Scope(msgspec.Struct, frozen=True):
    """A scope and what it admits, in one sentence."""

    name: str
    description: str


_BOTH: Final = {
    "ai-studio": "guides and other artefacts of AI Studio",
    "alerting": "alerting rules and the alerts that they raise",
    "analytics": "analytics: queries, aggregates and reports",
    "architect": "Architect: flows, prompts, schedules and data tables",
    "assistants": "agent assistants and their assignment to queues",
    "authorization": "roles, divisions, permissions and grants",
    "billing": "billing reports and usage that is billed",
    "business-rules": "decision tables and other business rules",
    "case-management": "cases and their plans",
    "coaching": "coaching appointments",
    "content-management": "documents, workspaces and their shares",
    "conversations": "conversations: calls, chats, e-mails, messages and callbacks",
    "data-privacy": "masking and other settings of data privacy",
    "devices": "registered devices",
    "dialog": "dialog engine bots",
    "employee-engagement": "recognitions and other employee engagement",
    "employee-performance": "performance profiles, metrics and scorecards of employees",
    "external-contacts": "external contacts, their organisations and relationships",
    "fax": "fax documents",
    "gamification": "gamification profiles, metrics, contests and leaderboards",
    "gdpr": "requests under the General Data Protection Regulation",
    "geolocation": "where users are, and the settings for it",
    "greetings": "greetings",
    "groups": "groups and their members",
    "identity-providers": "identity providers for single sign-on",
    "infrastructureascode": "jobs that apply configuration as code",
    "integrations": "integrations, their credentials and data actions",
    "journey": "customer journeys: segments, outcomes, action maps and sessions",
    "knowledge": "knowledge bases, their documents and categories",
    "language-understanding": "natural language understanding domains and their versions",
    "learning": "learning modules and assignments",
    "license": "licences and to whom they are assigned",
    "locations": "locations",
    "logcapture": "captured browser logs",
    "messaging": "messaging integrations and their settings",
    "messaging-platform": "the messaging platform's integrations and recipients",
    "oauth": "OAuth clients and their authorizations",
    "organization": "the organisation and its settings",
    "organization-authorization": "trusts between organisations: trustors and trustees",
    "outbound": "outbound dialing: campaigns, contact lists and rules",
    "presence": "presence of users, and its definitions",
    "process-automation": "triggers of process automation",
    "quality": "quality: evaluations, calibrations, surveys and their forms",
    "recordings": "recordings of conversations, their policies and keys",
    "response-management": "canned responses, their libraries and assets",
    "routing": "routing: queues, skills, languages, wrap-up codes and utilization",
    "scim": "users and groups through SCIM",
    "screen-monitoring": "monitoring of agents' screens",
    "scripts": "scripts that guide agents",
    "social-media": "social media topics and rules",
    "speech-and-text-analytics": "transcripts, topics, programs and sentiment",
    "stations": "stations and who uses them",
    "telephony": "telephony: sites, trunks, edges, phones and numbers",
    "textbots": "text bot sessions",
    "usage": "the organisation's use of the API",
    "user-recordings": "recordings that users made themselves",
    "users": "users, their profiles and settings",
    "users-rules": "rules that select users",
    "voicemail": "voicemail messages and policies",
    "web-chat": "web chat deployments and settings",
    "webdeployments": "messenger deployments on web sites and their configuration",
    "widgets": "widget deployments",
    "workforce-management": "workforce management: schedules, forecasts, time off, adherence",
    "workitems": "work items, work bins and work types",
}
_READ_ONLY: Final = {
    "audits": "the audit trail",
    "search": "search over users, groups, locations and documents",
    "streaming-events": "events that are streamed out",
}
_ALONE: Final = {
    ALL: "Everything that any other scope admits",
    "data-extensions": "Read and change extensions of the platform's data",
    "notifications": "Open channels for notifications and subscribe to topics",
    "upload": "Upload files and other content",
    "user-basic-info": "Read the calling user's own profile",
}


def _table() -> dict[str, Scope]:
    texts = dict(_ALONE)
    texts |= {name: f"Read and change {what}" for name, what in _BOTH.items()}
    texts |= {name + READ_ONLY: f"Read {what}" for name, what in (_BOTH | _READ_ONLY).items()}
    return {name: Scope(name, texts[name]) for name in sorted(texts)}


SCOPES: Final = _table()
"""Every scope by its name, in the order of names."""


def sufficient_scopes(scope: str, narrow: str = "", *, reads: bool) -> tuple[str, ...]:
    """Lists the scopes of which a token needs one, the least first.

    Args:
        scope: what the operation belongs to.
        narrow: one that admits this operation by itself; empty for none.
        reads: whether the operation only reads.
    """
    least = ((narrow,) if narrow else ()) + ((scope + READ_ONLY,) if reads else ())
    return (*least, scope, ALL)
