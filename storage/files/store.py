"""The file store: packs written to and read from S3."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import partial
from uuid import UUID

from config.settings import Settings
from events.envelope import Envelope
from storage.errors import Rejected
from storage.files.compression import decompress, raw_length
from storage.files.index import Entry, PackIndex, read_index, read_tail
from storage.files.keys import day_prefix, pack_id_of, pack_key
from storage.files.layout import MAX_PACK_BYTES, Identity, corrupt, read_header
from storage.files.pack import cut_out, decode_pack, encode_pack
from storage.files.s3 import Bucket
from storage.files.salvage import Salvage, salvage
from storage.files.scanning import read_wanted
from storage.model import EventLocation, PackedEvent, PackRef

#: Asked for at a pack's end at first: holds the footer of a pack of about 2,500 events.
ENDING_BYTES = 64 * 1024


class FileStore:
    """Packs in a bucket. For any number of threads; connects at the first call.

    Every method raises ``StoreDown`` when the object store is away, slow or throttling, and
    readers raise ``NotFound`` for a key that is not there.
    """

    def __init__(self, settings: Settings) -> None:
        self._bucket = Bucket(settings)
        self._frame_bytes = settings.frame_bytes

    @property
    def bucket(self) -> Bucket:
        """The bucket itself, for what lies in it beside packs."""
        return self._bucket

    def ensure_bucket(self) -> None:
        """Make the bucket if it is not there."""
        self._bucket.ensure()

    def check(self) -> None:
        """A readiness probe: one cheap request."""
        self._bucket.check()

    def write_pack(
        self, envelopes: Sequence[Envelope], pack_id: UUID
    ) -> tuple[PackRef, dict[UUID, EventLocation]]:
        """Store events of one type and one day of ids as a pack; it is durable on return.

        The same events and id give the same object: trying again is safe, and a process killed
        meanwhile leaves the whole pack or none. Raises ``Rejected`` for events over the format's
        limits (fewer of them may fit), ``ValueError`` for ones that do not belong in one pack.
        """
        pack = encode_pack(pack_id, envelopes, self._frame_bytes)
        identity, index = pack.index.identity, pack.index
        if len(pack.data) > MAX_PACK_BYTES:
            raise Rejected("files", f"{len(pack.data)} bytes are too many for one pack")
        key = pack_key(identity.type, identity.day, pack_id)
        self._bucket.put(key, pack.data)
        ref = PackRef(
            id=pack_id,
            key=key,
            type=identity.type,
            day=identity.day,
            events=len(index.entries),
            stored_bytes=len(pack.data),
            raw_bytes=index.raw_bytes,
        )
        return ref, index.locations(key)

    def read_pack(self, key: str) -> list[PackedEvent]:
        """Every event of a pack, in pack order, verified; raises ``Corrupt``.

        ``UnknownVersion``, a kind of ``Corrupt``, says that the pack may be whole and newer than
        this code.
        """
        data = self._bucket.get(key, MAX_PACK_BYTES)
        _require_name(read_header(data)[0], key)
        return decode_pack(data, key)

    def read_index(self, key: str) -> PackIndex:
        """What a pack holds, from its footer alone: one range request, two for a large pack.

        Raises ``Corrupt``.
        """
        ending, whole = self._bucket.get_ending(key, ENDING_BYTES)
        span = read_tail(ending).span
        if span > whole:
            raise corrupt(f"the footer of {key} is truncated")
        if span > len(ending):
            ending = self._bucket.get_range(key, whole - span, span)
        index = read_index(ending, whole)
        _require_name(index.identity, key)
        return index

    def size_of(self, key: str) -> int:
        """Bytes of a pack as stored: one small request."""
        _, stored_bytes = self._bucket.get_ending(key, 1)
        return stored_bytes

    def read_wanted(
        self,
        key: str,
        wanted: Callable[[Entry], bool],
        on_damage: Callable[[list[Entry]], None],
    ) -> Iterator[PackedEvent]:
        """Some of a pack's events, in pack order, by reading only the frames they lie in.

        ``on_damage`` is told of those that cannot be read; raises ``Corrupt`` for a bad footer.
        """
        index = self.read_index(key)
        read = partial(self._bucket.get_range, key)
        yield from read_wanted(index, key, wanted, read, on_damage)

    def read_event(self, location: EventLocation) -> bytes:
        """An event's raw bytes, verified: one range request, one frame. Raises ``Corrupt``."""
        stored = self.read_frame(location)
        raw = decompress(stored, raw_length(stored))
        return cut_out(raw, location.offset, location.length, location.checksum)

    def read_frame(self, location: EventLocation) -> bytes:
        """The frame an event lies in, as stored: one range request. Raises ``Corrupt``."""
        if not 0 < location.frame_length <= MAX_PACK_BYTES:
            raise corrupt(f"no frame has {location.frame_length} bytes")
        return self._bucket.get_range(
            location.pack_key, location.frame_offset, location.frame_length
        )

    def list_packs(
        self, event_type: str, day: date, spreads: Iterable[int]
    ) -> Iterator[tuple[UUID, str, int]]:
        """Id, key and bytes of the packs of a type and day, for some of the 256 beginnings of keys.

        One request a beginning: this is for comparing, in parts; nothing that is hot lists.
        """
        for spread in spreads:
            for key, stored_bytes in self._bucket.list(day_prefix(spread, event_type, day)):
                if (pack_id := pack_id_of(key)) is not None:
                    yield pack_id, key, stored_bytes

    def fetch_pack(self, key: str) -> bytes:
        """A pack as it is stored, nothing of it verified; raises ``Corrupt`` when it is too large
        for one.
        """
        return self._bucket.get(key, MAX_PACK_BYTES)

    def salvage_pack(self, key: str) -> Salvage:
        """What is whole in a damaged pack; raises ``Corrupt`` when it cannot even tell its name."""
        return salvage(self._bucket.get(key, MAX_PACK_BYTES), key)


def _require_name(identity: Identity, key: str) -> None:
    """Refuse a pack that lies under another's key: whole, but not what was asked for."""
    if not key.endswith(f"/{identity.pack_id}.pack"):
        raise corrupt(f"{key} holds pack {identity.pack_id}")
