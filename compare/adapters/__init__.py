"""Everything that can be an `Implementation`, or be asked for the functions of one."""
