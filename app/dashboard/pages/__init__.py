"""One module a page: its view, the function that makes it, and its row."""
