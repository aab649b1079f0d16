"""diskstore started with a configuration file:

    with FileServer("timeout 7\\n") as server:
        server.call("CONFIG", "REWRITE")
        server.text # of the file now

The port and the path of the data are on the command line, as always; bind is
in no file either.
"""

import os

from lib.server import Server


class FileServer(Server):
    """The file is x.conf in the server's directory, or `name` there."""

    def __init__(self, text, name="x.conf", **options):
        super().__init__(start=False, **options)
        self.path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.write(text)
        self.start()

    def command(self):
        command = super().command()
        return command[:2] + [self.path] + command[2:]

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    @property
    def text(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    @property
    def lines(self):
        return self.text.splitlines()
