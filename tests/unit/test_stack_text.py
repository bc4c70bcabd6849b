"""Stacks that arrive as text become frames, innermost first, whatever language wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.stack_text import MAX_FRAMES, Told, platform_of, read_stack

PYTHON = """Traceback (most recent call last):
  File "/srv/shop/catalog.py", line 14, in find
    return PRODUCTS[sku]
           ~~~~~~~~^^^^^
KeyError: 'X-1'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/shop/app.py", line 147, in view
    find("X-1")
  File "/srv/shop/catalog.py", line 16, in find
    raise ProductMissing(sku) from e
shop.catalog.ProductMissing: no product 'X-1'
"""
NODE = """CheckoutFailed: 2 lines
    at Cart.checkout (/srv/shop/cart.js:23:9)
    at /srv/shop/web.js:21:36
    at async Promise.all (index 0)
    at async run (file:///srv/shop/main.mjs:3:1) {
  code: 'E_CHECKOUT'
}
Caused by: TypeError: no price
    at price (/srv/shop/price.js:4:11)
"""
FIREFOX = """checkout@https://shop.example/app.js:10:5
@https://shop.example/app.js:20:1
"""
JAVA = """shop.NoStock: none of MUG-01
\tat shop.Cart.add(Cart.java:12)
\tat app//shop.Main.lambda$main$0(Main.java:3)
\tat java.base/jdk.internal.reflect.Native.invoke0(Native Method)
Caused by: java.io.IOException: disk: full
\tat java.base/java.io.FileOutputStream.write(FileOutputStream.java:5)
\t... 2 more
"""
DOTNET = """System.InvalidOperationException: outer ---> System.IO.IOException: inner
   at Shop.Disk.Read(String path) in C:\\src\\Disk.cs:line 5
   --- End of inner exception stack trace ---
   at Shop.Cart.Add(Int32 count) in /src/Cart.cs:line 12
   at Shop.Program.Main()
"""
GO = """goroutine 1 [running]:
runtime/debug.Stack()
\t/usr/lib/go/src/runtime/debug/stack.go:24 +0x5e
example.com/shop/cart.(*Cart).Add(0xc000012345, {0x1, 0x2})
\t/srv/shop/cart.go:33 +0x1d
main.main()
\t/srv/main.go:7 +0x20
"""
RUBY = """cart.rb:3:in 'Cart#add': none left (NoStock)
\tfrom main.rb:9:in `<main>'
"""
PHP = """#0 /srv/cart.php(12): Shop\\Cart->add('MUG')
#1 [internal function]: Shop\\run()
#2 {main}
"""

Place = tuple[str | None, int | None, str | None, str | None]


def places(told: Told) -> list[Place]:
    return [(frame.file, frame.line, frame.class_name, frame.method) for frame in told.frames]


@pytest.mark.parametrize(
    ("platform", "text", "heads", "frames"),
    [
        (
            "python",
            PYTHON,
            [("shop.catalog.ProductMissing", "no product 'X-1'"), ("KeyError", "'X-1'")],
            [
                ("/srv/shop/catalog.py", 16, None, "find"),
                ("/srv/shop/app.py", 147, None, "view"),
            ],
        ),
        (
            "node",
            NODE,
            [("CheckoutFailed", "2 lines"), ("TypeError", "no price")],
            [
                ("/srv/shop/cart.js", 23, None, "Cart.checkout"),
                ("/srv/shop/web.js", 21, None, None),
            ],
        ),
        (
            "javascript",
            FIREFOX,
            [(None, None)],
            [
                ("https://shop.example/app.js", 10, None, "checkout"),
                ("https://shop.example/app.js", 20, None, None),
            ],
        ),
        (
            "java",
            JAVA,
            [("shop.NoStock", "none of MUG-01"), ("java.io.IOException", "disk: full")],
            [
                ("Cart.java", 12, "shop.Cart", "add"),
                ("Main.java", 3, "shop.Main", "lambda$main$0"),
                (None, None, "jdk.internal.reflect.Native", "invoke0"),
            ],
        ),
        (
            "dotnet",
            DOTNET,
            [("System.InvalidOperationException", "outer"), ("System.IO.IOException", "inner")],
            [
                ("/src/Cart.cs", 12, "Shop.Cart", "Add"),
                (None, None, "Shop.Program", "Main"),
            ],
        ),
        (
            "go",
            GO,
            [(None, None)],
            [
                ("/usr/lib/go/src/runtime/debug/stack.go", 24, "runtime/debug", "Stack"),
                ("/srv/shop/cart.go", 33, "example.com/shop/cart", "(*Cart).Add"),
                ("/srv/main.go", 7, "main", "main"),
            ],
        ),
        (
            "ruby",
            RUBY,
            [(None, None)],
            [("cart.rb", 3, "Cart", "add"), ("main.rb", 9, None, "<main>")],
        ),
        (
            "php",
            PHP,
            [(None, None)],
            [("/srv/cart.php", 12, "Shop\\Cart", "add"), (None, None, None, "Shop\\run")],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 12 else "",
)
def test_each_language(
    platform: str, text: str, heads: list[tuple[str, str]], frames: list[Place]
) -> None:
    told = read_stack(text, platform)
    assert [(one.class_name, one.message) for one in told] == heads
    assert places(told[0])[: len(frames)] == frames
    if platform != "javascript":
        assert platform_of(text) == platform
        assert read_stack(text, "unknown")[0].frames[0][:5] == told[0].frames[0][:5]


def test_source_lines_of_python_are_kept() -> None:
    assert [frame.source for frame in read_stack(PYTHON, "python")[0].frames] == [
        "raise ProductMissing(sku) from e",
        'find("X-1")',
    ]


def test_a_stack_without_end_is_bounded() -> None:
    text = "Error: deep\n" + "    at f (/a.js:1:1)\n" * (MAX_FRAMES + 500)
    assert len(read_stack(text, "node")[0].frames) == MAX_FRAMES


@pytest.mark.parametrize("platform", ["python", "node", "java", "dotnet", "go", "ruby", "php", "?"])
@pytest.mark.parametrize(
    "text",
    [
        *("", "\n" * 1000, "at " * 100_000, " at (" * 100_000, "a." * 200_000 + "("),
        *("@" * 100_000, "(" * 300_000, '  File "' * 50_000, "Caused by: " * 50_000, "\x00\ud800"),
    ],
)
def test_nonsense_gives_no_error_and_takes_no_time(platform: str, text: str) -> None:
    assert isinstance(read_stack(text, platform), list)


@settings(max_examples=300)
@given(
    st.sampled_from(["python", "node", "java", "dotnet", "go", "ruby", "php", "unknown"]),
    st.lists(st.sampled_from([*"\n ()@.:#'\"\t", "at ", " in ", ":1", "File ", "x", "---> "])),
)
def test_any_text_is_read(platform: str, parts: list[str]) -> None:
    for told in read_stack("".join(parts), platform):
        for frame in told.frames:
            assert frame.line is None or frame.line >= 0
