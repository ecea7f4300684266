"""What can go wrong with a web socket. The messages are our own words, fit for a page: never an address or a key."""


class Lost(Exception):
    """The connection is gone, or of no more use; a new one may be made after a little while."""


class Refused(Exception):
    """The vendor does not want the connection, and asking again soon changes nothing.

    `soon` says that it may be our own last connection that is in the way, which the vendor forgets after some seconds.
    """

    def __init__(self, message: str, *, soon: bool = False) -> None:
        super().__init__(message)
        self.soon = soon
