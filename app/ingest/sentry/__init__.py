"""The Sentry protocol over HTTP: where its requests carry a key, and how they are answered."""
