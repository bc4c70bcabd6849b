"""What pages say of groups: where they stand, how they went, what was decided; pure."""
