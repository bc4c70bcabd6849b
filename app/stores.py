"""The stores as the web tier sees them: built once, connected at first use."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.opening import Accounts, open_accounts
from app.ingest.outbox import Outbox, open_outbox
from app.payloads import PayloadReader, open_payloads
from broker.client import Broker
from broker.pauses import Pauses
from broker.progress import Progress
from broker.refusals import Refusals
from config.settings import Settings
from storage.files.store import FileStore
from storage.retention.run import Retention, open_retention
from storage.search.store import SearchStore
from storage.sql.attention import AttentionBook
from storage.sql.database import Database
from storage.sql.dead_letters import DeadLetters
from storage.sql.events import Events
from storage.sql.groups import Groups
from storage.sql.health import ReleaseHealth
from storage.sql.ledger import Settled
from storage.sql.mentions import Mentions
from storage.sql.minutes import Minutes
from storage.sql.packs import Packs
from storage.sql.projects import Projects
from storage.sql.repeats import SdkIds
from storage.sql.tokens import Tokens
from storage.sql.traces import Traces
from storage.sql.triaging import Triaging, open_triaging
from workbench.custody import CustodyBook, open_custody
from workbench.erasure.opening import Erasing, open_erasing
from workbench.keys import KeyBook, open_keys
from workbench.ledger import LedgerBook, open_ledger
from workbench.ledger_check import Sources, open_sources
from workbench.opening import Workbench, open_workbench
from workbench.people import PeopleBook, open_people
from workbench.queueing import QueueBook, open_queues
from workbench.quotas import QuotaBook, open_quotas
from workbench.receipts import ReceiptBook, open_receipts
from workbench.redaction import RedactionBook, open_redaction
from workbench.rum import RumBook, open_rum

KEY_CONNECTIONS = 2
KEY_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Stores:
    """What blueprints are made of. Every member is safe to share between threads."""

    settings: Settings
    broker: Broker
    queues: QueueBook
    progress: Progress
    outbox: Outbox
    pauses: Pauses
    database: Database
    projects: Projects
    tokens: Tokens
    accounts: Accounts
    keys: KeyBook
    refusals: Refusals
    attention: AttentionBook
    packs: Packs
    events: Events
    sdk_ids: SdkIds
    mentions: Mentions
    groups: Groups
    traces: Traces
    spans_counted: Minutes
    metrics_counted: Minutes
    health: ReleaseHealth
    triage: Triaging
    dead_letters: DeadLetters
    settled: Settled
    ledger: LedgerBook
    ledger_sources: Sources
    custody: CustodyBook
    receipts: ReceiptBook
    files: FileStore
    payloads: PayloadReader
    search: SearchStore
    rum: RumBook
    people: PeopleBook
    retention: Retention
    workbench: Workbench
    redaction: RedactionBook
    quotas: QuotaBook
    erasing: Erasing


def open_stores(settings: Settings) -> Stores:
    """The stores that ``settings`` name. Connects to none, so the web tier starts while one is
    down.
    """
    database = Database(settings.postgres_dsn)
    # Whether a key is good must be known at once, however long others read: connections apart.
    keys = Database(
        settings.postgres_dsn, max_connections=KEY_CONNECTIONS, timeout=KEY_TIMEOUT_SECONDS
    )
    broker = Broker(settings.redis_url, timeout=settings.publish_timeout_seconds)
    files = FileStore(settings)
    search = SearchStore(settings)
    retention = open_retention(settings, database, search)
    terms = retention.terms
    events, groups = Events(database, terms), Groups(database, terms)
    ledger = open_ledger(settings, database, timeout=settings.broker_timeout_seconds)
    return Stores(
        settings=settings,
        broker=broker,
        queues=open_queues(settings, broker),
        progress=Progress(settings.redis_url, timeout=settings.publish_timeout_seconds),
        outbox=open_outbox(settings, broker.publish),
        pauses=Pauses(settings.redis_url, timeout=settings.publish_timeout_seconds),
        database=database,
        projects=Projects(keys),
        tokens=Tokens(keys),
        accounts=open_accounts(settings, keys),
        keys=open_keys(settings, database),
        attention=AttentionBook(database),
        refusals=Refusals(settings.redis_url, timeout=settings.publish_timeout_seconds),
        packs=Packs(database),
        events=events,
        sdk_ids=SdkIds(database),
        mentions=Mentions(database),
        groups=groups,
        traces=Traces(database, terms),
        spans_counted=Minutes(database, "trace", terms),
        metrics_counted=Minutes(database, "metric", terms),
        health=ReleaseHealth(database, terms),
        triage=open_triaging(database, terms),
        dead_letters=DeadLetters(database),
        settled=Settled(database),
        ledger=ledger,
        ledger_sources=open_sources(settings, database),
        custody=open_custody(settings, database, files, ledger),
        receipts=open_receipts(settings, database, terms),
        files=files,
        payloads=open_payloads(settings, events, files),
        search=search,
        rum=open_rum(database, search),
        people=open_people(search, events, groups),
        retention=retention,
        workbench=open_workbench(settings, database, broker, files),
        redaction=open_redaction(settings, database),
        quotas=open_quotas(settings, database),
        erasing=open_erasing(settings, database, files, search),
    )
