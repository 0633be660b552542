"""The version of the package, which what it writes states."""

VERSION = "0.1.0"
