"""What a crash page shows, made from the picture of an event; pure."""
