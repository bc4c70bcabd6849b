"""Names of code without what changes from build to build: addresses, numbering, hashes, hosts."""

from __future__ import annotations

import re
from functools import lru_cache

from events.code import BY_CLASS
from events.report import Frame

_ADDRESS = re.compile(r"@?\b0x[0-9a-fA-F]+\b\??")
_GENERATED = re.compile(
    r"\$\$Lambda.*|\$\$\w+\$\$[0-9a-f]+|(?<=\$)\d+|(?<=Accessor)\d+|(?<=Proxy)\d+"
    r"|(?<=__)\d+(_\d+)*|(?<=DisplayClass)\d+(_\d+)*"
)
_GO_CLOSURE = re.compile(r"\bfunc\d+(\.\d+)*")
_JS_RECEIVER = re.compile(r"^(Object|Function|Module|exports|window|global|globalThis)\.")
_JS_ALIAS = re.compile(r" \[as [^\]]*\]$")
_ANONYMOUS = frozenset(
    {"?", "anonymous", "[anonymous]", "<anonymous>", "Anonymous function", "(anonymous function)"}
)
ANONYMOUS = "<anonymous>"
#: What a minifier leaves of a name: the shortest first, other ones in the next build.
_MINIFIED = re.compile(r"(?<![\w$])[A-Za-z_$][\w$]?(?![\w$])")
_NOTHING_LEFT = re.compile(r"(?:(?:new|async) )*#(?:\.#)*")
_SCHEME_AND_HOST = re.compile(r"^[A-Za-z][\w.+-]*://[^/]*")
_QUERY = re.compile(r"[?#].*$", re.DOTALL)
#: A hash that a bundler put into a name: hexadecimal, or letters and digits mixed.
_BUILD_HASH = re.compile(
    r"[.-](?:(?=[0-9a-f]*\d)[0-9a-f]{6,64}|(?=\w*\d)(?=\w*[A-Za-z])\w{8,24})(?=\.)"
)
#: A release in a folder's name: 4.2.0, 20261123, a commit.
_RELEASE = re.compile(r"\d+(?:\.\d+)+|\d{6,}|\b(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b")
#: Code at the top of a module: how the program was entered, not what it did.
_MODULE_LEVEL = frozenset({"<module>", "<main>", "<top (required)>"})


@lru_cache(maxsize=4096)
def stable_name(name: str, platform: str) -> str:
    """A class's or function's name as the source has it, whatever the build."""
    if platform == "go":
        called = name[: name.rfind("(")] if name.endswith(")") else name
        name = _GO_CLOSURE.sub("func", called)
    elif platform in {"javascript", "node"}:
        name = _JS_RECEIVER.sub("", _JS_ALIAS.sub("", name))
    if platform == "javascript":
        name = _MINIFIED.sub("#", name)
    if name in _ANONYMOUS or _NOTHING_LEFT.fullmatch(name):
        return ANONYMOUS
    return _GENERATED.sub("", _ADDRESS.sub("", name))


@lru_cache(maxsize=4096)
def stable_file(file: str, platform: str) -> str:
    """The last folder and the name of a file, without host, query, release and build hash."""
    path = _SCHEME_AND_HOST.sub("", _QUERY.sub("", file)).replace("\\", "/")
    folders, _, name = path.rpartition("/")
    if platform == "javascript":
        name = _BUILD_HASH.sub("", name)
    folder = _RELEASE.sub("#", folders.rpartition("/")[2])
    return f"{folder}/{name}" if folder else name


@lru_cache(maxsize=8192)
def _key(platform: str, file: str | None, class_name: str | None, method: str | None) -> str:
    owner = stable_name(class_name, platform) if class_name else ""
    function = stable_name(method, platform) if method else ANONYMOUS
    if is_obfuscated(class_name, method, platform):
        owner, function = "", ANONYMOUS
    if owner and platform in BY_CLASS:
        return f"{owner}.{function}"
    place = stable_file(file, platform) if file else owner
    return f"{place}:{function}"


def frame_key(frame: Frame, platform: str) -> str:
    """What tells this function from others, and no call of it from another call."""
    return _key(platform, frame.file, frame.class_name, frame.method)


def is_named(frame: Frame, platform: str) -> bool:
    """Whether a frame names a function."""
    if frame.method is None or is_obfuscated(frame.class_name, frame.method, platform):
        return False
    return stable_name(frame.method, platform) != ANONYMOUS


def is_obfuscated(class_name: str | None, method: str | None, platform: str) -> bool:
    """Whether R8 or ProGuard renamed a call: class and method both have what is left of a name."""
    if platform != "java" or class_name is None or method is None:
        return False
    simple = class_name.rpartition(".")[2]
    return bool(_MINIFIED.fullmatch(simple) and _MINIFIED.fullmatch(method))


def is_module_level(frame: Frame) -> bool:
    """Whether a frame is a module's top level; V8 calls that an anonymous method of an Object."""
    if frame.method in _MODULE_LEVEL:
        return True
    return frame.class_name == "Object" and frame.method in _ANONYMOUS
