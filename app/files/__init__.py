"""The file server's HTTP face: raw payloads and blobs, in a process of its own."""
