"""A trust file on the command line: read as the options that it stands for, exported, merged into an older one."""
