"""Frames of packs kept near: on this node's disk, shared by its processes, and in memory."""
