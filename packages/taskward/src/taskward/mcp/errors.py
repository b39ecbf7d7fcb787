"""What a tool answers when it could not do what it was asked for."""


class ToolError(Exception):
    """The tool's answer is this sentence, for the assistant to read; it repeats no input."""


class UnknownToolError(Exception):
    """There is no tool of this name."""
