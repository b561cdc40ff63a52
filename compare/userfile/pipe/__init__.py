"""The pipe: frames over standard input and output, by which a program in any language takes part (docs/protocol.md)."""
