"""Whose code a frame is: the application's, or that of a runtime, framework or library."""

from __future__ import annotations

import re
from functools import lru_cache

#: Languages whose frames are told apart by class rather than by file.
BY_CLASS = frozenset({"java", "dotnet"})

_FOREIGN_FILES = {
    "python": re.compile(
        r"[\\/](site|dist)-packages[\\/]|[\\/]lib(64)?[\\/]python\d|[\\/]python\d+[\\/]lib[\\/]"
        r"|^<frozen ",
        re.IGNORECASE,
    ),
    "node": re.compile(r"[\\/]node_modules[\\/]|^node:|^internal[\\/]|^native\b|^<anonymous>$"),
    "javascript": re.compile(
        r"^<anonymous>$|^\[?native\b|[\\/]node_modules[\\/]|^[\w-]+-extension:|^extensions::"
        r"|^https?://(cdn\.jsdelivr\.net|unpkg\.com|cdnjs\.cloudflare\.com|ajax\.googleapis\.com"
        r"|code\.jquery\.com|www\.googletagmanager\.com|www\.google-analytics\.com"
        r"|connect\.facebook\.net|cdn\.raygun\.io)/"
    ),
    "ruby": re.compile(r"[\\/]gems[\\/]|[\\/]lib[\\/]ruby[\\/]|^<internal:"),
    "php": re.compile(r"[\\/]vendor[\\/]|^\[internal function\]$"),
    "dart": re.compile(r"^dart:|^package:(flutter|flutter_test|async|stack_trace)/"),
    "apple": re.compile(
        r"^(UIKit|UIKitCore|Foundation|CoreFoundation|CFNetwork|QuartzCore|GraphicsServices"
        r"|AppKit|SwiftUI|Combine|CoreData|WebKit|JavaScriptCore|Security|dyld|lib\w+.*\.dylib)$"
        r"|^/(usr/lib|System)/"
    ),
}

_FOREIGN_CLASSES = {
    "java": re.compile(
        r"(java|javax|jdk|sun|com\.sun|jakarta|kotlin|kotlinx|scala|groovy|android|androidx|dalvik"
        r"|com\.android|libcore|org\.springframework|org\.apache|org\.hibernate|org\.eclipse\.jetty"
        r"|org\.junit|org\.codehaus\.groovy|io\.netty|io\.undertow|reactor|io\.reactivex|okhttp3"
        r"|com\.google\.android|com\.mindscapehq)\."
    ),
    "dotnet": re.compile(
        r"(System|Microsoft|Windows|MS|Mono|Xamarin|Java|Android|UIKit|Foundation|Mindscape\.Raygun4Net"
        r"|Newtonsoft\.Json|NLog|Serilog|Autofac|Castle)\."
    ),
    # Other packages of the standard library share names that applications use for their own.
    "go": re.compile(
        r"(runtime|reflect|net|http|net/\w+|sync|syscall|testing|internal|os|io|fmt|strconv"
        r"|database/sql|encoding/\w+|bufio|bytes)(/|$)|(golang\.org|google\.golang\.org)/"
    ),
}

_FOREIGN_METHODS = {
    "rust": re.compile(
        r"<?(std|core|alloc|sentry|sentry_\w+|backtrace|tokio|futures\w*|hyper|tower|rayon\w*|anyhow"
        r"|clone3?|start_thread|_*libc_start\w*|_start|main)(::|$)|<\w+ as (core|alloc|std)::|__"
        r"|<unknown>$"
    ),
}

_GO_RUNTIME_FILES = frozenset({"panic.go", "proc.go", "signal_unix.go", "map.go", "asm_amd64.s"})


@lru_cache(maxsize=8192)
def in_app(platform: str, file: str | None, class_name: str | None, method: str | None) -> bool:
    """Whether a frame is the application's own, by the rules of its language.

    When nothing says otherwise it is: a hidden cause costs more than a shown library call.
    """
    foreign_class = _FOREIGN_CLASSES.get(platform)
    if foreign_class is not None and class_name and foreign_class.match(class_name):
        return False
    foreign_file = _FOREIGN_FILES.get(platform)
    if foreign_file is not None and file and foreign_file.search(file):
        return False
    foreign_method = _FOREIGN_METHODS.get(platform)
    if foreign_method is not None and method and foreign_method.match(method):
        return False
    if platform == "node":
        return file is not None
    if platform == "go" and not class_name:
        return not (file in _GO_RUNTIME_FILES or (method or "").startswith("panic("))
    return True
