"""The Raygun protocol: its paths, and which status makes its SDKs keep what was refused."""
