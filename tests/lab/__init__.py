"""The lab: network namespaces, real daemons and captures for the live tests. Standard library only."""
