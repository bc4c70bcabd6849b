"""The command families; each module has the commands of one."""
