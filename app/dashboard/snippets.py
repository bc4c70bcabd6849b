"""How each SDK is pointed at this server, as text to paste; pure.

The options are those that the SDKs' own code reads (versions of late 2026). Sources: the public
repositories of Raygun's providers, Sentry's and OpenTelemetry's documentation, and running them
against a server.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from events.sentry.dsn import dsn


@dataclass(frozen=True, slots=True)
class Snippet:
    """``language`` is what to paste it into; ``note`` what else is to know, empty for nothing."""

    sdk: str
    language: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where events go: the web tier's address without a slash at its end, a key, and the number of
    the project.
    """

    url: str
    key: str
    project_id: int

    @property
    def dsn(self) -> str:
        """Both as Sentry's SDKs have it."""
        return dsn(self.url, self.key, self.project_id)

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return urlsplit(self.url).scheme

    @property
    def host(self) -> str:
        """The host without its port."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port, also where the address leaves it out."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def netloc(self) -> str:
        """Host and port as the address has them."""
        return urlsplit(self.url).netloc

    @property
    def prefix(self) -> str:
        """The path before ours, empty for none."""
        return urlsplit(self.url).path.rstrip("/")


def snippets(target: Target) -> tuple[Snippet, ...]:
    """One for each SDK, those that most people use first."""
    return tuple(make(target) for make in _MAKERS)


def _quoted(text: str) -> str:
    """A string literal of JavaScript, Python, Java, C#, Swift, Kotlin, Ruby and PHP alike."""
    return json.dumps(text)


def _browser(at: Target) -> Snippet:
    return Snippet(
        "raygun4js",
        "JavaScript, in a page",
        f"""rg4js('apiKey', {_quoted(at.key)});
rg4js('options', {{ apiUrl: {_quoted(at.url)} }});
rg4js('enableCrashReporting', true);
rg4js('enablePulse', true);  // real-user monitoring
""",
    )


def _node(at: Target) -> Snippet:
    ssl = "true" if at.scheme == "https" else "false"
    note = "It takes no path before /entries." if at.prefix else ""
    return Snippet(
        "raygun for Node.js",
        "JavaScript",
        f"""const raygun = require('raygun');
const client = new raygun.Client().init({{
  apiKey: {_quoted(at.key)},
  host: {_quoted(at.host)},
  port: {at.port},
  useSSL: {ssl},
}});
client.send(new Error('hello from Node.js'));
""",
        note,
    )


def _python(at: Target) -> Snippet:
    return Snippet(
        "raygun4py",
        "Python",
        f"""from raygun4py import raygunprovider

client = raygunprovider.RaygunSender({_quoted(at.key)})
client.endpointprotocol = {_quoted(at.scheme + "://")}
client.endpointhost = {_quoted(at.netloc)}
client.endpointpath = {_quoted(at.prefix + "/entries")}
try:
    raise ValueError("hello from Python")
except ValueError:
    client.send_exception()
""",
    )


def _dotnet(at: Target) -> Snippet:
    return Snippet(
        "Mindscape.Raygun4Net",
        "C#",
        f"""var settings = new RaygunSettings
{{
    ApiKey = {_quoted(at.key)},
    ApiEndpoint = new Uri({_quoted(at.url + "/entries")}),
}};
var client = new RaygunClient(settings);
await client.SendInBackground(new Exception("hello from .NET"));
""",
    )


def _android(at: Target) -> Snippet:
    return Snippet(
        "raygun4android",
        "Java",
        f"""RaygunClient.init(getApplication(), {_quoted(at.key)}, "1.0");
RaygunClient.setCustomCrashReportingEndpoint({_quoted(at.url + "/entries")});
RaygunClient.setCustomRUMEndpoint({_quoted(at.url + "/events")});
RaygunClient.enableCrashReporting();
""",
    )


def _apple(at: Target) -> Snippet:
    return Snippet(
        "raygun4apple",
        "Swift",
        f"""let client = RaygunClient.sharedInstance(apiKey: {_quoted(at.key)})
client.crashReportingApiEndpoint = {_quoted(at.url + "/entries")}
client.realUserMonitoringApiEndpoint = {_quoted(at.url + "/events")}
client.enableCrashReporting()
""",
    )


def _react_native(at: Target) -> Snippet:
    return Snippet(
        "raygun4reactnative",
        "JavaScript",
        f"""RaygunClient.init({{
  apiKey: {_quoted(at.key)},
  version: '1.0',
  enableCrashReporting: true,
  customCrashReportingEndpoint: {_quoted(at.url + "/entries")},
  customRealUserMonitoringEndpoint: {_quoted(at.url + "/events")},
}});
""",
    )


def _ruby(at: Target) -> Snippet:
    return Snippet(
        "raygun4ruby",
        "Ruby",
        f"""Raygun.setup do |config|
  config.api_key = {_quoted(at.key)}
  config.api_url = {_quoted(at.url)}
end
""",
    )


def _php(at: Target) -> Snippet:
    return Snippet(
        "raygun4php",
        "PHP",
        f"""$http = new GuzzleHttp\\Client([
    'base_uri' => {_quoted(at.url)},
    'headers' => ['X-ApiKey' => {_quoted(at.key)}],
]);
$client = new Raygun4php\\RaygunClient(new Raygun4php\\Transports\\GuzzleSync($http));
$client->SendException(new Exception('hello from PHP'));
""",
        "It drops any path before /entries." if at.prefix else "",
    )


def _sentry_browser(at: Target) -> Snippet:
    return Snippet(
        "Sentry for JavaScript",
        "JavaScript, in a page or Node.js",
        f"""Sentry.init({{
  dsn: {_quoted(at.dsn)},
  release: "shop@1.0.0",
}});
""",
    )


def _sentry_python(at: Target) -> Snippet:
    return Snippet(
        "sentry-sdk",
        "Python",
        f"""import sentry_sdk

sentry_sdk.init(dsn={_quoted(at.dsn)}, release="shop@1.0.0", environment="production")
""",
        "Sentry's other SDKs take the same DSN.",
    )


def _otel(at: Target) -> Snippet:
    return Snippet(
        "OpenTelemetry",
        "the environment of a service",
        f"""OTEL_EXPORTER_OTLP_ENDPOINT={at.url}
OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
OTEL_EXPORTER_OTLP_HEADERS=x-api-key={at.key}
OTEL_RESOURCE_ATTRIBUTES=service.name=shop,service.version=1.0.0
""",
        "Traces, metrics and logs; exceptions of spans become crashes.",
    )


def _curl(at: Target) -> Snippet:
    return Snippet(
        "no SDK",
        "a shell",
        f"""curl {at.url}/entries -H 'X-ApiKey: {at.key}' -d '{{
  "occurredOn": "2026-01-31T12:00:00Z",
  "details": {{"error": {{"className": "Hello", "message": "from a shell"}}}}
}}'
""",
    )


_MAKERS: tuple[Callable[[Target], Snippet], ...] = (
    _browser,
    _node,
    _python,
    _dotnet,
    _android,
    _apple,
    _react_native,
    _ruby,
    _php,
    _sentry_browser,
    _sentry_python,
    _otel,
    _curl,
)
